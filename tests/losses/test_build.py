import math

import numpy as np
import pytest
import torch

from imbalens.errors import InputError
from imbalens.losses.build import build_class_objective, logit_offset, logit_scale
from imbalens.losses.multiclass import cross_entropy, focal, ldam, ldam_margins
from imbalens.losses.weights import (
    effective_number_weights,
    inverse_frequency_weights,
    reduce_weighted,
)
from imbalens.params import runs
from tests.loss_cases import CLASS_LOSSES

COUNTS = torch.tensor([400, 60, 8])
GENERATOR = np.random.default_rng(0)
LOGITS = torch.from_numpy(GENERATOR.normal(size=(30, 3))).float()
TARGETS = torch.from_numpy(GENERATOR.integers(0, 3, 30))

LOSSES = {
    **CLASS_LOSSES,
    "post_hoc": runs.LogitAdjustment(name="logit_adjustment", tau=1.0, post_hoc=True),
}


def compute(loss, drw=None, *, epoch=0, counts=COUNTS):
    return build_class_objective(loss, drw, counts)(LOGITS, TARGETS, epoch)


def weighted_mean(values, weights):
    return reduce_weighted(values, TARGETS, weights)


ONES = torch.ones(3)
EXPECTED = {
    "ce": (lambda: cross_entropy(LOGITS, TARGETS), ONES),
    "weighted_ce": (lambda: cross_entropy(LOGITS, TARGETS), inverse_frequency_weights(COUNTS)),
    "focal": (lambda: 3 * focal(LOGITS, TARGETS, gamma=1.5), ONES),
    "cb": (lambda: cross_entropy(LOGITS, TARGETS), effective_number_weights(COUNTS, beta=0.99)),
    "ldam": (
        lambda: ldam(
            LOGITS, TARGETS, margins=ldam_margins(COUNTS, max_margin=0.5).float(), scale=30.0
        ),
        ONES,
    ),
    "balanced_softmax": (lambda: cross_entropy(LOGITS + COUNTS.log(), TARGETS), ONES),
    "logit_adjustment": (lambda: cross_entropy(LOGITS + (COUNTS / 468).log(), TARGETS), ONES),
    "post_hoc": (lambda: cross_entropy(LOGITS, TARGETS), ONES),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_with_its_own_weights(name):
    values, weights = EXPECTED[name]
    computed = compute(LOSSES[name])
    assert computed.dtype == torch.float32
    torch.testing.assert_close(computed, weighted_mean(values(), weights))


@pytest.mark.parametrize("name", LOSSES)
def test_deferred_weights_replace_the_own_ones_from_their_epoch_on(name):
    drw = runs.Drw(start_epoch=7, beta=0.9999)
    values, own = EXPECTED[name]
    deferred = effective_number_weights(COUNTS, beta=0.9999)
    for epoch, weights in [(0, own), (6, own), (7, deferred), (8, deferred), (199, deferred)]:
        torch.testing.assert_close(
            compute(LOSSES[name], drw, epoch=epoch), weighted_mean(values(), weights)
        )


def test_balanced_counts_make_most_losses_cross_entropy():
    plain = cross_entropy(LOGITS, TARGETS).mean()
    for name in ("ce", "weighted_ce", "cb", "balanced_softmax", "logit_adjustment", "post_hoc"):
        torch.testing.assert_close(compute(LOSSES[name], counts=torch.full((3,), 50)), plain)


def test_what_turns_logits_into_decision_scores():
    assert {name: logit_scale(loss) for name, loss in LOSSES.items()} == {
        **dict.fromkeys(LOSSES, 1.0),
        "ldam": 30.0,
    }
    for name, loss in LOSSES.items():
        expected = [0.0] * 3
        if name == "post_hoc":
            expected = [-math.log(n / 468) for n in (400, 60, 8)]
        np.testing.assert_allclose(logit_offset(loss, COUNTS).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_an_empty_class_is_named(name):
    counts = torch.tensor([5, 0, 2, 0])
    with pytest.raises(InputError, match=r"classes \[1, 3\] .* no examples"):
        build_class_objective(LOSSES[name], None, counts)
    with pytest.raises(InputError, match=r"classes \[1, 3\] .* no examples"):
        logit_offset(LOSSES[name], counts)


def test_a_single_class_is_an_error():
    with pytest.raises(InputError, match="found 1 classes"):
        build_class_objective(LOSSES["ce"], None, torch.tensor([5]))
