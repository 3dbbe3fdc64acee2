from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import estimate_proportion
from imbalens.analysis.claims.true_positives import (
    judge_archetypes,
    true_positive_rates_lead,
    true_positives_lead,
)
from tests.analysis.claims.rules import rules

COUNTS = st.lists(st.integers(0, 60), min_size=4, max_size=4).map(np.array)


def test_the_share_is_held_against_that_of_all_instances():
    found = true_positives_lead(np.array([70, 20, 5, 5]), np.array([60, 15, 0, 0]), confidence=0.9)
    assert found.value == pytest.approx(1 - 0.9)
    assert found.n == 100
    others = estimate_proportion(15, 25, confidence=0.9)
    every = estimate_proportion(75, 75, confidence=0.9)
    assert found.low == pytest.approx(0.25 * (0.4 - np.hypot(1 - every.low, others.high - 0.6)))
    for right in ([0, 0, 0, 0], [70, 20, 5, 5]):
        found = true_positives_lead(np.array([70, 20, 5, 5]), np.array(right), confidence=0.9)
        assert isnan(found.low)


MOST = np.array([500, 400, 50, 50])  # nine in ten are safe or border


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        ([480, 380, 10, 5], "holds"),
        ([250, 200, 45, 45], "does not hold"),
        ([450, 360, 45, 45], "not decided"),
        ([500, 400, 50, 50], "not decided"),
        ([0, 0, 0, 0], "not decided"),
    ],
)
def test_most_instances_alone_do_not_hold_most_true_positives(right, verdict):
    found = judge_archetypes("r", MOST, np.array(right), rules=rules())[0]
    assert (found.claim.id, found.verdict) == ("safe_border_hold_true_positives", verdict)


@pytest.mark.parametrize(
    ("counts", "right", "verdict"),
    [
        ([500, 200, 100, 100], [490, 150, 20, 5], "holds"),
        ([500, 200, 100, 100], [490, 20, 80, 5], "does not hold"),
        ([500, 200, 10, 10], [490, 150, 7, 5], "not decided"),
        ([500, 200, 0, 0], [490, 150, 0, 0], "not applicable"),
    ],
)
def test_the_rates_lead_or_do_not(counts, right, verdict):
    found = judge_archetypes("r", np.array(counts), np.array(right), rules=rules())[1]
    assert (found.claim.id, found.verdict) == ("safe_border_lead_true_positive_rates", verdict)


@pytest.mark.parametrize("rates", [(0.7, 0.7), (0.4, 0.4)])
def test_unrelated_archetypes_seldom_hold_more(rates):
    """Each instance is as likely classified correctly, whatever its archetype."""
    rng, held, trials = np.random.default_rng(0), 0, 400
    for _ in range(trials):
        right = rng.binomial(np.array([160, 110, 20, 10]), rates[0])
        found = true_positives_lead(np.array([160, 110, 20, 10]), right, confidence=0.95)
        held += found.low > 0
    assert held / trials <= 0.05


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
    held = true_positives_lead(counts, right, confidence=0.9)
    if not isnan(held.low):
        of_right, of_all = (each[:2].sum() / each.sum() for each in (right, counts))
        assert held.value == pytest.approx(of_right - of_all)
        assert -1 <= held.low <= held.value <= held.high <= 1
    lead = true_positive_rates_lead(counts, right, confidence=0.9)
    swapped = true_positive_rates_lead(counts[[1, 0, 3, 2]], right[[1, 0, 3, 2]], confidence=0.9)
    np.testing.assert_equal(vars(swapped), vars(lead))
    if not isnan(lead.low):
        assert -1 <= lead.low <= lead.value <= lead.high <= 1
