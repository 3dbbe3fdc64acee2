"""Losses of labels against paper A's equations 1-2, written as loops in float64."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.losses.multilabel import (
    asymmetric,
    binary_cross_entropy,
    class_balanced_focal,
    focal,
    weighted_binary_cross_entropy,
)

quick = settings(deadline=None, max_examples=15)

POSITIVE = [0.9, 0.5, 3.0]
NEGATIVE = [0.1, 0.5, 0.0]
WEIGHTS = {
    "positive_weights": torch.tensor(POSITIVE, dtype=torch.float64),
    "negative_weights": torch.tensor(NEGATIVE, dtype=torch.float64),
}
ASYMMETRIC = {
    "asymmetric": {"gamma_positive": 1.0, "gamma_negative": 4.0, "margin": 0.05},
    "asymmetric_roots": {"gamma_positive": 0.5, "gamma_negative": 0.5, "margin": 0.2},
    "asymmetric_no_margin": {"gamma_positive": 0.0, "gamma_negative": 0.3, "margin": 0.0},
    "asymmetric_margin_only": {"gamma_positive": 0.0, "gamma_negative": 0.0, "margin": 0.3},
}
LOSSES = {
    "bce": binary_cross_entropy,
    "wbce": partial(weighted_binary_cross_entropy, **WEIGHTS),
    "focal": partial(focal, alpha=0.3, gamma=2.0),
    "focal_half": partial(focal, alpha=0.8, gamma=0.5),
    "cb_focal": partial(class_balanced_focal, **WEIGHTS, gamma=2.0),
    **{name: partial(asymmetric, **numbers) for name, numbers in ASYMMETRIC.items()},
}


def oracle(name, x, y, label):
    """One loss: `-[w+ y log p + w- (1 - y) log(1 - p)]`."""
    log_p, log_not_p = -np.logaddexp(0.0, -x), -np.logaddexp(0.0, x)
    p, not_p = math.exp(log_p), math.exp(log_not_p)
    match name:
        case "bce":
            positive, negative = 1.0, 1.0
        case "wbce":
            positive, negative = POSITIVE[label], NEGATIVE[label]
        case "focal":
            positive, negative = 0.3 * not_p**2, 0.7 * p**2
        case "focal_half":
            positive, negative = 0.8 * not_p**0.5, 0.2 * p**0.5
        case "cb_focal":
            positive, negative = POSITIVE[label] * not_p**2, NEGATIVE[label] * p**2
        case _:
            numbers = ASYMMETRIC[name]
            cut = max(p - numbers["margin"], 0.0)
            positive, negative = (
                not_p ** numbers["gamma_positive"],
                cut ** numbers["gamma_negative"],
            )
            if numbers["margin"]:
                log_not_p = math.log(1 - cut)
    return -(positive * log_p) if y else -(negative * log_not_p)


def draw_case(seed, spread, n=5, m=3):
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(0, spread, (n, m)).clip(-1e4, 1e4))
    return logits, torch.from_numpy(generator.integers(0, 2, (n, m)).astype(np.uint8))


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.1, 1.0, 10.0, 1e4]))
@quick
def test_equals_the_formula(name, seed, spread):
    logits, targets = draw_case(seed, spread)
    expected = [
        [oracle(name, x, y, label) for label, (x, y) in enumerate(zip(*row, strict=True))]
        for row in zip(logits.tolist(), targets.tolist(), strict=True)
    ]
    computed = LOSSES[name](logits, targets)
    assert computed.dtype == torch.float64
    np.testing.assert_allclose(computed.numpy(), expected, rtol=1e-9, atol=1e-12)
    single = LOSSES[name](logits.float(), targets)
    np.testing.assert_allclose(single.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_finite_differences(name):
    logits, targets = draw_case(0, 2.0, n=8)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, targets), logits)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_and_gradients_are_finite_at_extreme_logits(name, dtype):
    column = [-1e4, -1e3, -90, -40, -17, -1.3862944, 0, 1e-4, 17, 40, 90, 1e3, 1e4]
    logits = torch.tensor(column * 2, dtype=dtype)[:, None].repeat(1, 3).requires_grad_()
    targets = torch.tensor([0, 1]).repeat_interleave(len(column))[:, None].repeat(1, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = LOSSES[name](logits, targets)
    assert values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    assert values.isfinite().all()
    assert (values >= 0).all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_confident_mistake_costs_its_logit(name):
    logits = torch.tensor([[-1e4] * 3, [1e4] * 3], requires_grad=True)
    values = LOSSES[name](logits, torch.tensor([[1] * 3, [0] * 3]))
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    weights = {"focal": 0.3, "focal_half": 0.8, "wbce": POSITIVE, "cb_focal": POSITIVE}
    expected = np.broadcast_to(weights.get(name, 1.0), 3)
    np.testing.assert_allclose(values[0].detach().numpy(), 1e4 * expected, rtol=1e-6)
    np.testing.assert_allclose(gradient[0].numpy(), -expected, rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.float32, torch.float64])
def test_the_type_of_the_targets_does_not_matter(name, dtype):
    logits, targets = draw_case(1, 3.0)
    torch.testing.assert_close(
        LOSSES[name](logits, targets.to(dtype)), LOSSES[name](logits, targets), rtol=0, atol=0
    )


@given(seed=st.integers(0, 2**32 - 1), gamma=st.sampled_from([0.5, 1.0, 2.0]))
@quick
def test_losses_that_contain_each_other(seed, gamma):
    logits, targets = draw_case(seed, 5.0)
    plain = binary_cross_entropy(logits, targets)
    ones = torch.ones(3, dtype=torch.float64)
    twice_focal = 2 * focal(logits, targets, alpha=0.5, gamma=gamma)
    none = {"gamma_positive": 0.0, "gamma_negative": 0.0, "margin": 0.0}
    same = {"gamma_positive": gamma, "gamma_negative": gamma, "margin": 0.0}
    unit = {"positive_weights": ones, "negative_weights": ones}
    for loss, expected in [
        (weighted_binary_cross_entropy(logits, targets, **unit), plain),
        (2 * focal(logits, targets, alpha=0.5, gamma=0.0), plain),
        (asymmetric(logits, targets, **none), plain),
        (asymmetric(logits, targets, **same), twice_focal),
        (class_balanced_focal(logits, targets, **unit, gamma=gamma), twice_focal),
    ]:
        torch.testing.assert_close(loss, expected)


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_swapping_the_truth_mirrors_the_symmetric_losses(seed):
    logits, targets = draw_case(seed, 3.0)
    swapped = {
        "positive_weights": WEIGHTS["negative_weights"],
        "negative_weights": WEIGHTS["positive_weights"],
    }
    for loss, mirrored in [
        (LOSSES["bce"], LOSSES["bce"]),
        (LOSSES["wbce"], partial(weighted_binary_cross_entropy, **swapped)),
        (LOSSES["focal"], partial(focal, alpha=0.7, gamma=2.0)),
        (LOSSES["cb_focal"], partial(class_balanced_focal, **swapped, gamma=2.0)),
    ]:
        torch.testing.assert_close(loss(logits, targets), mirrored(-logits, 1 - targets))


def test_asymmetric_ignores_negatives_within_the_margin():
    logits = torch.tensor([[-4.0, -2.0]], requires_grad=True)  # p = 0.018 and 0.12
    numbers = {"gamma_positive": 0.0, "gamma_negative": 1.0, "margin": 0.05}
    values = asymmetric(logits, torch.tensor([[0, 0]]), **numbers)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    assert values[0, 0].item() == gradient[0, 0].item() == 0.0
    assert values[0, 1].item() > 0
    assert gradient[0, 1].item() > 0


def test_known_values():
    logits = torch.tensor([[math.log(3.0), math.log(3.0)]], dtype=torch.float64)  # p = 3/4
    targets = torch.tensor([[1, 0]])

    def check(loss, positive, negative):
        np.testing.assert_allclose(loss(logits, targets).numpy(), [[positive, negative]])

    right, wrong = math.log(4 / 3), math.log(4)
    check(binary_cross_entropy, right, wrong)
    check(partial(focal, alpha=0.25, gamma=2.0), right / 64, wrong * 27 / 64)
    numbers = {"gamma_positive": 1.0, "gamma_negative": 2.0, "margin": 0.25}
    check(partial(asymmetric, **numbers), right / 4, math.log(2) / 4)
