"""Losses against their papers' formulas, written as loops in float64."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.losses.multiclass import (
    balanced_softmax,
    cross_entropy,
    focal,
    ldam,
    ldam_margins,
    logit_adjustment,
)

quick = settings(deadline=None, max_examples=15)

COUNTS = [500, 70, 10, 1]
PRIOR = [count / 581 for count in COUNTS]
MARGINS = [0.1, 0.2, 0.3, 0.5]

LOSSES = {
    "ce": cross_entropy,
    "focal": partial(focal, gamma=2.0),
    "focal_half": partial(focal, gamma=0.5),
    "ldam": partial(ldam, margins=torch.tensor(MARGINS, dtype=torch.float64), scale=30.0),
    "balanced_softmax": partial(balanced_softmax, counts=torch.tensor(COUNTS)),
    "logit_adjustment": partial(
        logit_adjustment, prior=torch.tensor(PRIOR, dtype=torch.float64), tau=1.5
    ),
}


def log_softmax_oracle(scores):
    largest = max(scores)
    total = math.fsum(math.exp(score - largest) for score in scores)
    return [score - largest - math.log(total) for score in scores]


def oracle(name, scores, target):
    """One example's loss, straight from the papers."""
    scores = [float(score) for score in scores]
    match name:
        case "ce":
            return -log_softmax_oracle(scores)[target]
        case "focal" | "focal_half":
            gamma = 2.0 if name == "focal" else 0.5
            logs = log_softmax_oracle(scores)
            others = math.fsum(math.exp(log) for k, log in enumerate(logs) if k != target)
            return others**gamma * -logs[target]
        case "ldam":
            margined = [30 * (s - MARGINS[k] * (k == target)) for k, s in enumerate(scores)]
            return -log_softmax_oracle(margined)[target]
        case "balanced_softmax":
            largest = max(scores)
            masses = [n * math.exp(s - largest) for n, s in zip(COUNTS, scores, strict=True)]
            return -(math.log(COUNTS[target]) + scores[target] - largest) + math.log(sum(masses))
        case "logit_adjustment":
            adjusted = [s + 1.5 * math.log(q) for s, q in zip(scores, PRIOR, strict=True)]
            return -log_softmax_oracle(adjusted)[target]
    raise AssertionError(name)


def draw_case(seed, spread, n=6, c=4):
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(0, spread, (n, c)))
    return logits, torch.from_numpy(generator.integers(0, c, n))


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.1, 1.0, 10.0, 1e4]))
@quick
def test_equals_the_formula(name, seed, spread):
    logits, targets = draw_case(seed, spread)
    expected = [oracle(name, *case) for case in zip(logits, targets.tolist(), strict=True)]
    computed = LOSSES[name](logits, targets)
    np.testing.assert_allclose(computed.numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_finite_differences(name):
    logits, targets = draw_case(0, 1.0)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, targets), logits)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_and_gradients_are_finite_at_extreme_logits(name, dtype):
    rows = [[1e4, -1e4, -1e4, -1e4], [-1e4, 1e4, 1e4, 1e4], [0, 0, 0, 0], [40, 0, 0, 0]]
    rows += [[1e4, 1e4, 1e4, 1e4], [-1e4, -1e4, -1e4, -1e4], [1e4, 0, 1e-4, -1e4]]
    logits = torch.tensor(rows * 4, dtype=dtype, requires_grad=True)
    targets = torch.arange(4).repeat_interleave(len(rows))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = LOSSES[name](logits, targets)
    assert values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    assert values.isfinite().all()
    assert (values >= 0).all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_confident_mistake_still_has_a_gradient(name):
    logits = torch.tensor([[-1e4, 1e4, 0.0, 0.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(LOSSES[name](logits, torch.tensor([0])).sum(), logits)
    assert gradient[0, 0] <= -0.99
    assert gradient[0, 1] >= 0.99


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_losses_that_contain_cross_entropy(seed):
    logits, targets = draw_case(seed, 3.0)
    plain = cross_entropy(logits, targets)
    equal = torch.full((4,), 7)
    prior = torch.full((4,), 0.25, dtype=torch.float64)
    none = torch.zeros(4, dtype=torch.float64)
    torch.testing.assert_close(focal(logits, targets, gamma=0.0), plain)
    torch.testing.assert_close(balanced_softmax(logits, targets, counts=equal), plain)
    torch.testing.assert_close(logit_adjustment(logits, targets, prior=prior, tau=2.5), plain)
    torch.testing.assert_close(
        ldam(logits, targets, margins=none, scale=30.0), cross_entropy(30 * logits, targets)
    )


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_logit_adjustment_of_strength_one_is_balanced_softmax(seed):
    logits, targets = draw_case(seed, 3.0)
    torch.testing.assert_close(
        LOSSES["balanced_softmax"](logits, targets),
        logit_adjustment(logits, targets, prior=torch.tensor(PRIOR, dtype=torch.float64), tau=1.0),
    )


@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(4)))
@quick
def test_renaming_classes_changes_nothing(seed, order):
    logits, targets = draw_case(seed, 3.0)
    counts = torch.tensor(COUNTS)
    renamed_targets = torch.argsort(torch.tensor(order))[targets]
    margins = ldam_margins(counts, max_margin=0.5)
    for loss, renamed in [
        (cross_entropy, cross_entropy),
        (LOSSES["focal"], LOSSES["focal"]),
        (LOSSES["balanced_softmax"], partial(balanced_softmax, counts=counts[order])),
        (
            partial(ldam, margins=margins, scale=30.0),
            partial(ldam, margins=margins[order], scale=30.0),
        ),
    ]:
        torch.testing.assert_close(
            loss(logits, targets), renamed(logits[:, order], renamed_targets)
        )


def test_margins_of_known_counts():
    margins = ldam_margins(torch.tensor([10000, 625, 16]), max_margin=0.5)
    np.testing.assert_allclose(margins.numpy(), [0.1, 0.2, 0.5], rtol=1e-12)


def test_known_values():
    logits = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)
    first = torch.tensor([0])
    assert cross_entropy(logits, first).item() == pytest.approx(math.log(4 / 3))
    assert focal(logits, first, gamma=2.0).item() == pytest.approx(math.log(4 / 3) / 16)
    counts = torch.tensor([1, 3])
    assert balanced_softmax(logits, first, counts=counts).item() == pytest.approx(math.log(2))
