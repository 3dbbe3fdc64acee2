import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.params.recipes import Cosine, Milestone, Steps
from imbalens.training.schedules import learning_rate

LDAM_DRW = Steps(
    name="steps",
    warmup_epochs=5,
    milestones=(Milestone(epoch=160, factor=0.01), Milestone(epoch=180, factor=0.0001)),
)


def published(epoch: int, base: float) -> float:
    """The published program's rule, which counts epochs from 1."""
    epoch = epoch + 1
    if epoch <= 5:
        return base * epoch / 5
    if epoch > 180:
        return base * 0.0001
    if epoch > 160:
        return base * 0.01
    return base


@pytest.mark.parametrize("epoch", range(200))
def test_recipe_of_ldam_drw_equals_the_published_rule(epoch):
    found = learning_rate(LDAM_DRW, base=0.1, epoch=epoch, epochs=200)
    assert math.isclose(found, published(epoch, 0.1), rel_tol=1e-12)


def test_cosine_by_hand():
    schedule = Cosine(name="cosine", warmup_epochs=2)
    rates = [learning_rate(schedule, base=1.0, epoch=e, epochs=6) for e in range(6)]
    half = math.sqrt(0.5)
    expected = [0.5, 1.0, 1.0, (1 + half) / 2, 0.5, (1 - half) / 2]
    assert rates == pytest.approx(expected)


@given(
    warmup=st.integers(0, 5),
    epochs=st.integers(6, 30),
    base=st.floats(1e-4, 10),
    cosine=st.booleans(),
)
def test_rates_rise_through_the_warm_up_then_never_rise(warmup, epochs, base, cosine):
    schedule = (
        Cosine(name="cosine", warmup_epochs=warmup)
        if cosine
        else Steps(
            name="steps",
            warmup_epochs=warmup,
            milestones=(Milestone(epoch=6, factor=0.5), Milestone(epoch=9, factor=0.1)),
        )
    )
    rates = [learning_rate(schedule, base=base, epoch=e, epochs=epochs) for e in range(epochs)]
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert all(0 < rate <= base * (1 + 1e-12) for rate in rates)
