import numpy as np
import pytest

from imbalens.analysis.claims.added_activation import Added, added_in_boxes, judge_added
from imbalens.analysis.claims.intervals import estimate_weighted_mean
from tests.analysis.claims.rules import rules


def added(inside, elsewhere, *, seed=0, n=60):
    """Shares of what is added that lie in the boxes and elsewhere, of images that vary."""
    rng = np.random.default_rng(seed)
    total = rng.uniform(50, 150, n)
    shares = np.clip(np.array([[inside], [elsewhere]]) + rng.normal(0, 0.05, (2, n)), 0, 1)
    return Added(total, shares[0] * total, shares[1] * total, np.arange(n), np.arange(n))


def judged(pairs):
    return judge_added(pairs, rules=rules(), judged="wbce", baseline="bce")


@pytest.mark.parametrize(
    ("inside", "elsewhere", "verdict"),
    [(0.3, 0.1, "holds"), (0.1, 0.3, "does not hold"), (0.2, 0.2, "not decided")],
)
def test_what_is_added_lies_in_boxes_if_more_of_it_does_than_elsewhere(inside, elsewhere, verdict):
    found = judged([[added(inside, elsewhere, seed=seed) for seed in range(3)]])
    assert (found.verdict, found.judged, found.baseline, found.seeds) == (
        verdict,
        "wbce",
        "bce",
        1,
    )
    assert found.estimate.value == pytest.approx(inside - elsewhere, abs=0.02)


def test_one_training_of_each_loss_decides_nothing():
    found = judged([[added(0.3, 0.1)]])
    assert found.verdict == "not decided"
    assert found.reason.startswith("One training each: these two networks differ;")
    assert judged([[added(0.3, 0.1)], [added(0.3, 0.1, seed=1)]]).verdict == "holds"


def test_trainings_that_disagree_leave_it_open():
    found = judged([[added(0.3, 0.1), added(0.1, 0.1, seed=1), added(0.1, 0.2, seed=2)]])
    assert found.verdict == "not decided"
    assert not found.reason.startswith("One training")


def test_the_share_is_of_all_that_is_added_and_patients_are_drawn_whole():
    total, inside = np.array([100.0, 50, 10, 0]), np.array([30.0, 10, 10, 0])
    one = Added(total, inside, np.array([10.0, 10, 0, 0]), np.arange(4), np.array([7, 7, 9, 8]))
    found = added_in_boxes(one, confidence=0.95)
    assert found.value == pytest.approx((20 + 0 + 10) / 160)
    by_patient = estimate_weighted_mean(
        np.array([20 / 150, 1.0]), np.array([150.0, 10]), confidence=0.95
    )
    assert (found.low, found.high) == pytest.approx((by_patient.low, by_patient.high))
    assert found.n == 4


def test_where_nothing_is_added_nothing_is_said():
    nothing = np.zeros(40)
    found = judged([[Added(nothing, nothing, nothing, np.arange(40), np.arange(40))] * 2])
    assert found.verdict == "not decided"
    assert "undefined: nothing is activated in addition" in found.reason
