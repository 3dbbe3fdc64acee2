from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.ldam import (
    LDAM_CLAIMS,
    Repeats,
    change_of_errors,
    judge_ldam,
    larger_classes,
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


# images by actual and predicted class; the third is small, the first shares few features with it
CE = np.array([[100, 0, 0], [0, 100, 0], [40, 30, 30]])
LDAM = np.array([[98, 0, 2], [0, 98, 2], [10, 30, 60]])
TO_FIRST = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=bool)
TO_SECOND = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)


def test_the_papers_example():
    """Errors towards the large class fall, those towards the overlapping one do not."""
    fallen = change_of_errors(CE[None], LDAM[None], TO_FIRST, confidence=0.95)
    assert fallen.value == pytest.approx(-0.3)
    assert fallen.high < 0
    assert fallen.n == 100
    left = change_of_errors(CE[None], LDAM[None], TO_SECOND, confidence=0.95)
    assert left.value == 0
    assert left.low == pytest.approx(-left.high)


def test_without_such_pairs_there_is_no_change():
    found = change_of_errors(CE[None], LDAM[None], np.zeros((3, 3), dtype=bool), confidence=0.95)
    assert isnan(found.low)
    assert found.n == 0


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_laws_of_changes(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 4)
    before, after = (
        np.array([[rng.multinomial(size, np.full(4, 0.25)) for size in sizes] for _ in range(n)])
        for n in (2, 3)
    )
    pairs = (rng.random((4, 4)) < 0.4) & ~np.eye(4, dtype=bool)
    pairs[0, 1] = True
    there = change_of_errors(before, after, pairs, confidence=0.9)
    back = change_of_errors(after, before, pairs, confidence=0.9)
    np.testing.assert_allclose(
        (back.value, back.low, back.high), (-there.value, -there.high, -there.low), atol=1e-12
    )
    same = change_of_errors(before, before, pairs, confidence=0.9)
    assert same.value == 0
    assert same.low < 0 < same.high
    order = rng.permutation(4)
    turned = np.ix_(order, order)
    renamed = change_of_errors(
        before[:, *turned], after[:, *turned], pairs[turned], confidence=0.9
    )
    assert vars(renamed) == pytest.approx(vars(there), nan_ok=True)
    shuffled = change_of_errors(before[::-1], after[::-1], pairs, confidence=0.9)
    assert vars(shuffled) == pytest.approx(vars(there), nan_ok=True)


def test_repeats_are_averaged_and_their_spread_widens_the_interval():
    """Shares of 0.4 and 0.3 have an error of 0.05, which t of one degree multiplies by 12.7."""
    again = CE.copy()
    again[2] = [30, 30, 40]
    steady = change_of_errors(np.stack([CE, CE]), LDAM[None], TO_FIRST, confidence=0.95)
    assert steady == change_of_errors(CE[None], LDAM[None], TO_FIRST, confidence=0.95)
    moving = change_of_errors(np.stack([CE, again]), LDAM[None], TO_FIRST, confidence=0.95)
    assert moving.value == pytest.approx(0.1 - 0.35)
    assert moving.high - moving.low > 2 * 12.7 * 0.05
    assert moving.n == 100


def pairs_of(n_classes, value):
    """Jaccard indices of which those of the first two and of the next two classes are high."""
    jaccard = np.full((n_classes, n_classes), 0.1)
    for first in (0, 2):
        jaccard[first, first + 1] = jaccard[first + 1, first] = value
    np.fill_diagonal(jaccard, 0.0)
    return jaccard


def confusion_of(dominated, shared):
    """Six classes; the errors of the last go to the first and, as it overlaps, to the second."""
    table = np.diag([100] * 6)
    table[5] = [dominated, shared, 0, 0, 0, 100 - dominated - shared]
    return table


def verdicts(before, after, baseline_overlap=0.5):
    overlap = pairs_of(6, 0.5)
    own = pairs_of(6, baseline_overlap)
    own[5, 1] = own[1, 5] = baseline_overlap
    found = judge_ldam(
        Repeats("ce", np.stack(before), np.stack([own] * len(before))),
        Repeats("ldam", np.stack(after), np.stack([overlap] * len(after))),
        np.array([100, 100, 100, 100, 100, 20]),
        count_ratio=2.0,
        overlapping_jaccard=0.33,
        rules=rules(),
    )
    assert [finding.claim for finding in found] == list(LDAM_CLAIMS)
    assert {(finding.run, finding.baseline) for finding in found} == {("ldam", "ce")}
    return {finding.claim.id: finding for finding in found}


def test_one_verdict_for_all_repeats():
    before, after = confusion_of(50, 30), confusion_of(10, 30)
    found = verdicts([before], [after])
    assert found["ldam_lowers_dominated_errors"].verdict == "holds"
    assert found["ldam_lowers_dominated_errors"].seeds == 1
    assert found["ldam_leaves_overlapping_errors"].verdict == "not decidable", "100 images"
    assert found["ldam_leaves_overlapping_errors"].threshold == -0.05
    steady = [confusion_of(50 + shift, 30) for shift in (-1, 0, 1)]
    found = verdicts(steady, [after] * 3)
    assert found["ldam_lowers_dominated_errors"].verdict == "holds"
    assert found["ldam_lowers_dominated_errors"].seeds == 3
    unsteady = [confusion_of(shift, 30) for shift in (5, 50, 65)]
    found = verdicts(unsteady, [after] * 2)
    assert found["ldam_lowers_dominated_errors"].verdict == "not decidable"
    assert found["ldam_lowers_dominated_errors"].seeds == 2


def test_the_baseline_tells_which_classes_overlap():
    before, after = confusion_of(0, 60), confusion_of(0, 10)
    found = verdicts([before], [after])
    assert found["ldam_leaves_overlapping_errors"].verdict == "does not hold"
    found = verdicts([before], [after], baseline_overlap=0.2)
    assert found["ldam_lowers_dominated_errors"].verdict == "holds"
    assert "undefined" in found["ldam_leaves_overlapping_errors"].reason
