from math import isnan

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import estimate_proportion
from imbalens.analysis.claims.true_positives import (
    judge_archetypes,
    true_positive_rates_lead,
    true_positives_share,
)
from tests.analysis.claims.rules import rules

COUNTS = st.lists(st.integers(0, 60), min_size=4, max_size=4).map(np.array)


def test_the_share_by_hand():
    found = true_positives_share(np.array([70, 20, 5, 5]), confidence=0.95)
    assert (found.value, found.n) == (0.9, 100)
    assert 0.8 < found.low < 0.9 < found.high < 0.95
    assert isnan(true_positives_share(np.zeros(4, dtype=int), confidence=0.95).value)


def test_the_lead_is_that_of_the_closest_groups():
    found = true_positive_rates_lead(
        np.array([100, 10, 20, 10]), np.array([100, 8, 10, 2]), confidence=0.95
    )
    assert found.value == 0.8 - 0.5  # border against rare
    assert found.n == 140
    assert found.low < 0 < found.high


def test_planted_leads_are_found_and_reversed_ones_too():
    counts = np.array([500, 200, 100, 100])
    for right, sign in (([490, 150, 20, 5], 1), ([490, 20, 80, 5], -1)):
        found = true_positive_rates_lead(counts, np.array(right), confidence=0.95)
        assert sign * found.low > 0
        assert sign * found.high > 0


def test_a_run_is_judged_by_both():
    counts = np.array([500, 200, 100, 100])
    found = judge_archetypes("r", counts, np.array([490, 20, 80, 5]), rules=rules())
    assert [(finding.claim.id, finding.verdict) for finding in found] == [
        ("safe_border_hold_true_positives", "holds"),
        ("safe_border_lead_true_positive_rates", "does not hold"),
    ]


def test_empty_groups_are_left_out():
    found = true_positive_rates_lead(
        np.array([10, 0, 0, 10]), np.array([10, 0, 0, 0]), confidence=0.95
    )
    assert found.value == 1.0
    for counts in ([10, 5, 0, 0], [0, 0, 5, 5], [0, 0, 0, 0]):
        found = true_positive_rates_lead(np.array(counts), np.zeros(4, dtype=int), confidence=0.95)
        assert isnan(found.low)
        assert found.n == sum(counts)


@given(counts=COUNTS, share=st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_laws(counts, share):
    right = np.floor(counts * share).astype(int)
    found = true_positives_share(right, confidence=0.9)
    plain = estimate_proportion(int(right[0] + right[1]), int(right.sum()), confidence=0.9)
    np.testing.assert_equal(vars(found), vars(plain))
    lead = true_positive_rates_lead(counts, right, confidence=0.9)
    swapped = true_positive_rates_lead(counts[[1, 0, 3, 2]], right[[1, 0, 3, 2]], confidence=0.9)
    np.testing.assert_equal(vars(swapped), vars(lead))
    if not isnan(lead.low):
        assert -1 <= lead.low <= lead.value <= lead.high <= 1
