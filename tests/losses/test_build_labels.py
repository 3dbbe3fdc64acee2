"""Objectives of labels: paper A's, and its published program's variants."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.classes import UNKNOWN
from imbalens.errors import InputError
from imbalens.losses.build import (
    build_label_objective,
    build_objective,
    logit_offset,
    logit_scale,
)
from imbalens.losses.objectives import LabelObjective, Objective
from imbalens.params import runs

N_IMAGES = 1000
COUNTS = torch.tensor([300, 20, 0])
GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(0, 2, (40, 3))
TARGETS = (GENERATOR.random((40, 3)) < [0.3, 0.1, 0.0]).astype(np.uint8)


def wbce(counts, *, unit_negatives=False):
    return runs.Wbce(name="wbce", counts=counts, unit_negatives=unit_negatives)


def cb_focal(counts, *, normalize=False, scale=1.0, beta=0.9999):
    return runs.CbFocal(
        name="cb_focal",
        beta=beta,
        gamma=2.0,
        counts=counts,
        normalize_weights=normalize,
        scale=scale,
    )


LOSSES = {
    "bce": runs.Bce(name="bce"),
    "wbce": wbce("global"),
    "wbce_published": wbce("batch", unit_negatives=True),
    "focal": runs.Focal(name="focal", alpha=0.25, gamma=2.0, scale=1.0),
    "focal_published": runs.Focal(name="focal", alpha=0.25, gamma=2.0, scale=10.0),
    "cb_focal": cb_focal("global"),
    "cb_focal_published": cb_focal("global", normalize=True, scale=50.0),
    "cb_focal_batch": cb_focal("batch"),
    "asymmetric": runs.Asymmetric(
        name="asymmetric", gamma_positive=0.0, gamma_negative=4.0, margin=0.05
    ),
}


def weights_of_label(name, label, targets):
    """w+ and w- beside the focal factors, straight from paper A or its program."""
    if name in ("wbce_published", "cb_focal_batch"):
        n = len(targets)
        positives = int(sum(targets[:, label].tolist()))
    else:
        n, positives = N_IMAGES, COUNTS.tolist()[label]
    negatives = n - positives

    def effective(count):
        return (1 - 0.9999) / (1 - 0.9999**count) if count else 0.0

    match name:
        case "wbce":
            return negatives / n, positives / n
        case "wbce_published":
            return (negatives / positives if positives else 0.0), 1.0
        case "focal" | "focal_published":
            scale = 10 if "published" in name else 1
            return scale * 0.25, scale * 0.75
        case "cb_focal" | "cb_focal_batch":
            return effective(positives), effective(negatives)
        case "cb_focal_published":
            alpha = effective(positives) / (effective(positives) + effective(negatives))
            return 50 * alpha, 50 * (1 - alpha)
    return 1.0, 1.0


def slow_objective(name, logits, targets):
    total = 0.0
    for row, truth in zip(logits.tolist(), targets.tolist(), strict=True):
        for label, (x, y) in enumerate(zip(row, truth, strict=True)):
            positive, negative = weights_of_label(name, label, targets)
            p = 1 / (1 + math.exp(-x))
            if "focal" in name:
                positive, negative = positive * (1 - p) ** 2, negative * p**2
            if name == "asymmetric":
                p = p if y else max(p - 0.05, 0)
                negative = p**4
            total -= positive * math.log(p) if y else negative * math.log(1 - p)
    return total / logits.size


@pytest.mark.parametrize("name", LOSSES)
def test_equals_its_description(name):
    objective = build_label_objective(LOSSES[name], COUNTS, N_IMAGES - COUNTS)
    logits = torch.from_numpy(LOGITS)
    expected = slow_objective(name, LOGITS, TARGETS)
    for targets in (torch.from_numpy(TARGETS), torch.from_numpy(TARGETS).float()):
        computed = objective(logits, targets, 3)
        assert computed.shape == ()
        assert computed.item() == pytest.approx(expected, rel=1e-5)
    half = objective(logits.bfloat16(), torch.from_numpy(TARGETS), 0)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_positive_stays_finite(name):
    logits = torch.from_numpy(LOGITS).float().requires_grad_()
    for truth in (0, 1):
        objective = build_label_objective(LOSSES[name], COUNTS.new_zeros(3), N_IMAGES - COUNTS)
        value = objective(logits, torch.full((40, 3), truth), 0)
        (gradient,) = torch.autograd.grad(value, logits)
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("loss", [wbce("global"), cb_focal("global")], ids=lambda loss: loss.name)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
@settings(deadline=None, max_examples=10)
def test_counts_of_a_batch_are_global_ones_of_all_images_in_it(loss, seed, n):
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(size=(n, 2))).float()
    targets = torch.from_numpy(generator.integers(0, 2, (n, 2)).astype(np.uint8))
    of_batch = build_label_objective(
        loss.model_copy(update={"counts": "batch"}), COUNTS[:2], COUNTS[:2]
    )
    of_all = build_label_objective(loss, targets.sum(dim=0), (targets == 0).sum(dim=0))
    torch.testing.assert_close(of_batch(logits, targets, 0), of_all(logits, targets, 0))


def test_a_single_label_is_enough():
    for loss in LOSSES.values():
        objective = build_label_objective(loss, torch.tensor([7]), torch.tensor([3]))
        assert objective(torch.zeros(2, 1), torch.tensor([[0], [1]]), 0) > 0
        assert logit_offset(loss, torch.tensor([0])).tolist() == [0.0]
        assert logit_scale(loss) == 1.0


def test_focal_of_labels_needs_an_alpha():
    loss = runs.Focal(name="focal", alpha=None, gamma=2.0, scale=1.0)
    with pytest.raises(InputError, match="alpha: found null"):
        build_label_objective(loss, COUNTS, N_IMAGES - COUNTS)


def test_the_task_decides():
    counts = torch.tensor([5, 3])
    plain, exclusive = runs.Bce(name="bce"), runs.Ce(name="ce")
    several = {"task": "multilabel", "negatives": 9 - counts}
    assert isinstance(build_objective(plain, None, counts, **several), LabelObjective)
    one = {"task": "binary", "negatives": 9 - counts}
    single = one | {"negatives": one["negatives"][:1]}
    assert isinstance(build_objective(plain, None, counts[:1], **single), LabelObjective)
    classes = {"task": "multiclass", "negatives": 8 - counts}
    assert isinstance(build_objective(exclusive, None, counts, **classes), Objective)
    drw = runs.Drw(start_epoch=1, beta=0.9)
    for loss, reweighting, options, message in [
        (plain, None, classes, "'bce' does not suit the task 'multiclass'"),
        (exclusive, None, several, "'ce' does not suit the task 'multilabel'"),
        (plain, drw, one, "'bce' with deferred re-weighting does not suit the task 'binary'"),
    ]:
        with pytest.raises(InputError, match=message):
            build_objective(loss, reweighting, counts, **options)


def hide(targets, seed, share=0.4):
    unknown = np.random.default_rng([seed, 1]).random(targets.shape) < share
    return torch.from_numpy(np.where(unknown, np.uint8(UNKNOWN), targets)), unknown


def value_and_gradient(objective, logits, targets):
    given = torch.from_numpy(logits).float().requires_grad_()
    value = objective(given, targets, 0)
    (gradient,) = torch.autograd.grad(value, given)
    return value, gradient


def of_label(name, label):
    sides = (COUNTS[label : label + 1], N_IMAGES - COUNTS[label : label + 1])
    return build_label_objective(LOSSES[name], *sides)


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=10)
def test_labels_that_are_not_known_count_for_nothing(name, seed):
    """The loss is the mean over the others, each label's taken of the images that tell it."""
    objective = build_label_objective(LOSSES[name], COUNTS, N_IMAGES - COUNTS)
    targets, unknown = hide(TARGETS, seed)
    value, gradient = value_and_gradient(objective, LOGITS, targets)
    assert (gradient.numpy()[unknown] == 0).all()
    total, expected = 0.0, np.zeros(LOGITS.shape)
    for label, rows in enumerate(~unknown.T):
        column = np.flatnonzero(rows)[:, None], [label]
        alone = value_and_gradient(
            of_label(name, label), LOGITS[column], torch.from_numpy(TARGETS[column])
        )
        total += alone[0].item() * rows.sum()
        expected[column] = alone[1].numpy() * rows.sum() / (~unknown).sum()
    assert value.item() == pytest.approx(total / (~unknown).sum(), rel=1e-5)
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_with_all_labels_known_the_loss_is_the_plain_mean_to_the_last_bit(name):
    objective = build_label_objective(LOSSES[name], COUNTS, N_IMAGES - COUNTS)
    rng = np.random.default_rng(1)
    for n in (1, 7, 33, 41, 55, 61, 128):  # among them such as are no 1 by a reciprocal
        logits, truth = rng.normal(0, 3, (n, 3)), rng.integers(0, 2, (n, 3), dtype=np.uint8)
        value, gradient = value_and_gradient(objective, logits, torch.from_numpy(truth))
        plain = value_and_gradient(
            lambda *given: objective.per_label(*given[:2]).mean(), logits, torch.from_numpy(truth)
        )
        assert torch.equal(value, plain[0])
        assert torch.equal(gradient, plain[1])


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_in_which_nothing_is_known_changes_nothing(name):
    objective = build_label_objective(LOSSES[name], COUNTS, N_IMAGES - COUNTS)
    targets = torch.full((40, 3), UNKNOWN, dtype=torch.uint8)
    value, gradient = value_and_gradient(objective, 1e3 * LOGITS, targets)
    assert value.item() == 0
    assert (gradient == 0).all()
