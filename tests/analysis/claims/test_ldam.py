from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import estimate_paired_ratio, estimate_proportion
from imbalens.analysis.claims.ldam import (
    LDAM_CLAIMS,
    LEAVES_OVERLAP,
    LEAVES_OVERLAPPING,
    LOWERS_DOMINATED,
    LdamComparison,
    PredictionPairs,
    change_of_errors,
    judge_ldam,
    larger_classes,
    overlap_left,
)
from tests.analysis.claims.rules import rules


def test_larger_classes_by_hand():
    found = larger_classes(np.array([100, 50, 49, 10]), count_ratio=2.0)
    assert found.tolist() == [
        [False, False, False, False],
        [True, False, False, False],
        [True, False, False, False],
        [True, True, True, False],
    ]
    assert not larger_classes(np.array([0, 0]), count_ratio=2.0).diagonal().any()


def pairs_of(rows):
    """Images by true class, class before and class after."""
    return PredictionPairs(*np.array(rows).T)


def images(actual, before, after):
    cells, counts = np.unique(np.column_stack([actual, before, after]), axis=0, return_counts=True)
    return PredictionPairs(*cells.T, counts)


# of the third class, which is small, errors go to the first (40, then 10) and the second
THIRD = [(2, 0, 0, 8), (2, 0, 2, 32), (2, 2, 0, 2), (2, 1, 1, 20), (2, 1, 2, 10), (2, 2, 1, 9)]
PAPER = pairs_of([(0, 0, 0, 100), (1, 1, 1, 100), *THIRD, (2, 2, 2, 19)])
TO_FIRST = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=bool)
TO_SECOND = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)


def test_the_papers_example():
    """Errors towards the large class fall, those towards the overlapping one do not."""
    fallen = change_of_errors(PAPER, TO_FIRST, confidence=0.95)
    assert fallen == estimate_paired_ratio(40, 10, 8, n=100, confidence=0.95)
    assert fallen.value == -0.75
    assert fallen.high < -0.5
    left = change_of_errors(PAPER, TO_SECOND, confidence=0.95)
    assert left == estimate_paired_ratio(30, 29, 20, n=100, confidence=0.95)
    assert left.low < 0 < left.high


def test_thirty_errors_of_a_thousand_that_vanish_are_lowered():
    """In absolute terms that is 3 of 100 images, which would be within many a margin."""
    gone = pairs_of([(2, 0, 2, 30), (2, 2, 2, 970)])
    found = change_of_errors(gone, TO_FIRST, confidence=0.95)
    assert (found.value, found.n) == (-1.0, 1000)
    assert found.high < -0.8


def test_errors_that_other_images_make_widen_the_interval():
    """Twenty before and after: the same images say that nothing changed, others little."""
    same = pairs_of([(2, 0, 0, 20), (2, 2, 2, 80)])
    others = pairs_of([(2, 0, 2, 20), (2, 2, 0, 20), (2, 2, 2, 60)])
    narrow, wide = (change_of_errors(one, TO_FIRST, confidence=0.95) for one in (same, others))
    assert narrow.value == wide.value == 0
    assert wide.low < narrow.low < 0 < narrow.high < wide.high


def test_without_such_errors_there_is_no_change():
    found = change_of_errors(pairs_of([(2, 2, 0, 9), (2, 2, 2, 9)]), TO_FIRST, confidence=0.95)
    assert isnan(found.low)
    assert found.n == 18


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_laws_of_changes(seed):
    rng = np.random.default_rng(seed)
    actual, before, after = rng.integers(4, size=(3, 60))
    errors = (rng.random((4, 4)) < 0.4) & ~np.eye(4, dtype=bool)
    errors[0, 1] = True
    found = change_of_errors(images(actual, before, after), errors, confidence=0.9)
    made = errors[actual, before].sum(), errors[actual, after].sum()
    if made[0]:
        assert found.value == pytest.approx(made[1] / made[0] - 1)
        assert -1 <= found.low <= found.value <= found.high
    assert found.n == np.isin(actual, np.flatnonzero(errors.any(axis=1))).sum()
    order = rng.permutation(4)
    names = np.argsort(order)
    renamed = change_of_errors(
        images(names[actual], names[before], names[after]),
        errors[np.ix_(order, order)],
        confidence=0.9,
    )
    assert vars(renamed) == pytest.approx(vars(found), nan_ok=True)


def jaccard_of(overlapping, n_classes=10):
    jaccard = np.full((n_classes, n_classes), 0.1)
    for first, second in overlapping:
        jaccard[first, second] = jaccard[second, first] = 0.5
    np.fill_diagonal(jaccard, 0.0)
    return jaccard


APART = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
OVERLAP = {"overlapping_jaccard": 0.33, "confidence": 0.95}


def test_the_share_of_pairs_that_still_overlap():
    found = overlap_left(jaccard_of(APART), jaccard_of([*APART[:3], (0, 9)]), **OVERLAP)
    assert (found.value, found.n) == (0.6, 5)
    plain = estimate_proportion(3, 5, confidence=0.95)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    assert isnan(overlap_left(jaccard_of([]), jaccard_of(APART), **OVERLAP).low)


def test_pairs_with_a_class_in_common_count_less():
    """Six pairs of four classes are worth two."""
    among = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    found = overlap_left(jaccard_of(among), jaccard_of(among), **OVERLAP)
    plain = estimate_proportion(2, 2, confidence=0.95)
    assert (found.value, found.n) == (1.0, 6)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


COUNTS = np.array([100, 100, 20])


def comparison(pairs, *, trainings=(1, 3), overlapping=((1, 2),), left=None, plain=True, n=3):
    after, before = trainings
    own = jaccard_of(overlapping, n)
    now = own if left is None else jaccard_of(left, n)
    return LdamComparison(
        setting="ldam",
        baseline="ce",
        plain=plain,
        predictions=pairs if isinstance(pairs, list) else [[pairs] * before] * after,
        jaccards=np.stack([now] * after),
        baseline_jaccards=np.stack([own] * before),
        train_counts=COUNTS if n == 3 else np.full(n, 100),
    )


def judged(one, **changed):
    found = judge_ldam(one, count_ratio=2.0, overlapping_jaccard=0.33, rules=rules(**changed))
    assert [finding.claim for finding in found] == list(LDAM_CLAIMS)
    assert {(finding.judged, finding.baseline) for finding in found} == {("ldam", "ce")}
    return {finding.claim: finding for finding in found}


def towards(label, before, after, both, n=1000):
    """Images of the third class, some of which are taken for another one."""
    other = n - before - after + both
    rows = [(label, label, both), (label, 2, before - both), (2, label, after - both)]
    return pairs_of([(2, *row) for row in [*rows, (2, 2, other)]])


@pytest.mark.parametrize(
    ("before", "after", "both", "lowers"),
    [
        (30, 0, 0, "holds"),
        (300, 100, 90, "holds"),
        (300, 310, 290, "does not hold"),
        (30, 60, 25, "does not hold"),
        (30, 22, 15, "not decided"),
        (300, 240, 230, "not decided"),
        (0, 20, 0, "not decided"),
    ],
)
def test_errors_are_lowered_or_left_by_one_threshold(before, after, both, lowers):
    """The first class shares few features with the third, the second shares some."""
    found = judged(comparison(towards(0, before, after, both)))[LOWERS_DOMINATED]
    assert (found.verdict, found.threshold, found.seeds) == (lowers, -0.2, 1)
    found = judged(comparison(towards(1, before, after, both)))[LEAVES_OVERLAPPING]
    opposite = {"holds": "does not hold", "does not hold": "holds"}
    assert (found.verdict, found.threshold) == (opposite.get(lowers, lowers), -0.2)


def test_the_threshold_is_relative():
    fell = comparison(towards(0, 300, 200, 190))
    assert judged(fell, error_margin=0.2)[LOWERS_DOMINATED].verdict == "holds"
    assert judged(fell, error_margin=0.33)[LOWERS_DOMINATED].verdict == "not decided"
    assert judged(fell, error_margin=0.6)[LOWERS_DOMINATED].verdict == "does not hold"


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        (APART, "holds"),
        ([], "does not hold"),
        (APART[:3], "not decided"),
    ],
)
def test_overlap_is_left_where_most_pairs_still_overlap(left, verdict):
    found = judged(comparison(pairs_of([(0, 0, 0, 9)]), overlapping=APART, left=left, n=10))
    assert found[LEAVES_OVERLAP].verdict == verdict
    assert found[LOWERS_DOMINATED].verdict == "not applicable", "no class is larger"


def test_a_single_training_of_each_loss_decides_nothing():
    gone = comparison(towards(0, 300, 0, 0), trainings=(1, 1))
    found = judged(gone)[LOWERS_DOMINATED]
    assert found.verdict == "not decided"
    assert found.reason.startswith("One training each: these two networks differ; of the loss")
    assert (
        judged(comparison(towards(0, 300, 0, 0), trainings=(2, 1)))[LOWERS_DOMINATED].verdict
        == "holds"
    )


def test_trainings_that_change_otherwise_leave_it_open():
    fell, rose = towards(0, 300, 100, 90), towards(0, 300, 400, 290)
    steady = judged(comparison([[fell, fell, fell]]))[LOWERS_DOMINATED]
    assert steady.verdict == "holds"
    unsteady = judged(comparison([[fell, fell, rose]]))[LOWERS_DOMINATED]
    assert unsteady.verdict == "not decided"
    assert unsteady.estimate.high - unsteady.estimate.low > 2 * (
        steady.estimate.high - steady.estimate.low
    )


def test_the_baseline_tells_which_classes_overlap():
    fell = towards(1, 300, 100, 90)
    found = judged(comparison(fell))
    assert found[LEAVES_OVERLAPPING].verdict == "does not hold"
    assert found[LOWERS_DOMINATED].verdict == "not decided"
    assert "the baseline makes no such error" in found[LOWERS_DOMINATED].reason
    found = judged(comparison(fell, overlapping=(), left=[(1, 2)]))
    assert found[LOWERS_DOMINATED].verdict == "holds"
    assert found[LEAVES_OVERLAPPING].verdict == found[LEAVES_OVERLAP].verdict == "not applicable"
    assert found[LEAVES_OVERLAPPING].reason == (
        "No class has a much larger one that shares features with it."
    )


def test_a_baseline_that_is_not_plain_is_no_baseline():
    found = judged(comparison(towards(0, 300, 0, 0), plain=False))
    assert {(one.verdict, one.reason) for one in found.values()} == {
        ("not applicable", "The baseline ce does not have the plain loss.")
    }
