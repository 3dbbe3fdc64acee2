from dataclasses import replace
from math import isnan, nan
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import Estimate, undefined
from imbalens.analysis.claims.verdicts import (
    NO_RUN,
    VERDICTS,
    Claim,
    Verdict,
    decide,
    judge,
    unjudged,
)
from tests.analysis.claims.rules import rules

OPPOSITE = {
    "holds": "does not hold",
    "does not hold": "holds",
    "not decided": "not decided",
}
ENDS = st.tuples(st.integers(-8, 8), st.integers(-8, 8)).map(sorted)


@pytest.mark.parametrize(
    ("low", "high", "side", "threshold", "verdict"),
    [
        (0.1, 0.3, "above", 0.0, "holds"),
        (-0.3, -0.1, "above", 0.0, "does not hold"),
        (-0.1, 0.3, "above", 0.0, "not decided"),
        (0.0, 0.3, "above", 0.0, "not decided"),
        (-0.3, -0.1, "below", 0.0, "holds"),
        (0.1, 0.3, "below", 0.0, "does not hold"),
        (-0.1, 0.0, "below", 0.0, "not decided"),
        (-0.01, 0.01, "within", 0.02, "holds"),
        (-0.02, 0.01, "within", 0.02, "not decided"),
        (0.03, 0.05, "within", 0.02, "does not hold"),
        (-0.05, -0.03, "within", 0.02, "does not hold"),
        (-0.05, 0.05, "within", 0.02, "not decided"),
        (nan, nan, "above", 0.0, "not decided"),
        (nan, nan, "within", 0.02, "not decided"),
    ],
)
def test_the_whole_interval_decides(low, high, side, threshold, verdict):
    assert decide(low, high, side=side, threshold=threshold) == verdict


@given(ends=ENDS, threshold=st.integers(-8, 8), side=st.sampled_from(["above", "below"]))
@settings(deadline=None, max_examples=50)
def test_an_interval_mirrored_at_the_threshold_flips_the_verdict(ends, threshold, side):
    low, high = map(float, ends)
    mirrored = decide(
        2.0 * threshold - high, 2.0 * threshold - low, side=side, threshold=float(threshold)
    )
    verdict = decide(low, high, side=side, threshold=float(threshold))
    assert mirrored == OPPOSITE[verdict]
    other = "below" if side == "above" else "above"
    assert decide(-high, -low, side=other, threshold=-float(threshold)) == verdict


@given(ends=ENDS, margin=st.integers(1, 8), grow=st.integers(0, 4))
@settings(deadline=None, max_examples=50)
def test_margins_are_symmetric_and_a_wider_interval_never_decides_more(ends, margin, grow):
    low, high = map(float, ends)
    verdict = decide(low, high, side="within", threshold=float(margin))
    assert decide(-high, -low, side="within", threshold=float(margin)) == verdict
    for side in ("above", "below", "within"):
        narrow = decide(low, high, side=side, threshold=float(margin))
        wide = decide(low - grow, high + grow, side=side, threshold=float(margin))
        assert wide in (narrow, "not decided")


def test_reversed_intervals_and_margins_of_nothing_are_refused():
    with pytest.raises(ValueError, match=r"interval is \[1.0, 0.0\]"):
        decide(1.0, 0.0, side="above", threshold=0.0)
    with pytest.raises(ValueError, match=r"threshold is 0\.0; a margin must be > 0"):
        decide(0.0, 1.0, side="within", threshold=0.0)


CLAIM = Claim(
    id="x_rises",
    paper="A",
    section="5",
    text="x rises",
    statistic="difference of x",
    side="above",
    threshold=0.0,
    unit="images",
    undefined="nothing was drawn",
)


WITHIN = replace(CLAIM, side="within", threshold=None)


def reason(estimate, claim=CLAIM, **options):
    return judge(claim, estimate, rules=rules(), judged="b", baseline="a", **options).reason


def test_reasons_are_built_from_the_numbers():
    some = Estimate(0.25, 0.125, 0.5, 40)
    assert reason(some) == "The difference of x, 0.25 [0.125, 0.5], lies above 0 (40 images)."
    assert "lies above 0 (40 images, adjusted p 0.03)." in reason(some, p_adjusted=0.03)
    assert "lies below 1 (" in reason(some, replace(CLAIM, threshold=1.0))
    assert "does not exclude 0.2 (" in reason(some, replace(CLAIM, threshold=0.2))
    few = Estimate(0.25, 0.125, 0.5, 29)
    assert reason(few) == "Only 29 images, fewer than the 30 asked for."
    assert reason(undefined(40)) == "The difference of x is undefined: nothing was drawn."


def test_reasons_of_margins():
    some = Estimate(0.25, 0.125, 0.5, 40)
    for margin, words in ((0.75, "lies within ±0.75"), (0.25, "lies partly outside ±0.25")):
        assert words in reason(some, WITHIN, margin=margin, p_adjusted=0.5)
    outside = reason(some, WITHIN, margin=0.1, p_adjusted=0.04)
    assert outside == (
        "The difference of x, 0.25 [0.125, 0.5], lies outside ±0.1 (40 images, adjusted p 0.04). "
        "So many images allow no margin below ±0.188."
    )


@pytest.mark.parametrize(
    ("claim", "low", "high", "single"),
    [
        (CLAIM, 0.1, 0.3, "holds"),
        (CLAIM, -0.3, -0.1, "does not hold"),
        (CLAIM, -0.1, 0.3, "not decided"),
        (WITHIN, 0.1, 0.3, "does not hold"),
        (WITHIN, -0.01, 0.01, "holds"),
    ],
)
def test_a_difference_counts_only_after_correction(claim, low, high, single):
    def found(p_adjusted):
        estimate = Estimate((low + high) / 2, low, high, 40, p=0.001)
        return judge(
            claim, estimate, rules=rules(), judged="b", margin=0.05, p_adjusted=p_adjusted
        )

    for small in (nan, 0.001, 0.05):
        assert found(small).verdict == single
        assert "singly" not in found(small).reason
    large = found(0.31)
    assert large.verdict == "not decided"
    corrected = single != "not decided"
    assert ("singly, not after correction for the dataset's" in large.reason) == corrected
    assert "(40 images, adjusted p 0.31)." in large.reason


@pytest.mark.parametrize(
    ("claim", "low", "high", "p_same", "said"),
    [
        (CLAIM, 0.1, 0.3, 0.01, "differ"),
        (CLAIM, -0.3, -0.1, 0.01, "differ"),
        (CLAIM, 0.1, 0.3, nan, "differ"),
        (CLAIM, 0.1, 0.3, 0.06, "are not shown to differ"),
        (CLAIM, -0.1, 0.3, 0.01, "are not shown to differ"),
        (replace(CLAIM, same=0.2), 0.1, 0.3, 0.01, "are not shown to differ"),
        (WITHIN, 0.01, 0.03, 0.01, "differ"),
    ],
)
def test_one_training_of_each_loss_tells_of_two_networks_and_not_of_the_loss(
    claim, low, high, p_same, said
):
    def found(*, over_seeds):
        estimate = Estimate((low + high) / 2, low, high, 40)
        options = {"rules": rules(), "judged": "b", "margin": 0.05, "p_same": p_same}
        return judge(claim, estimate, over_seeds=over_seeds, **options)

    several, one = found(over_seeds=True), found(over_seeds=False)
    assert one.verdict == "not decided"
    assert one.reason == (
        f"One training each: these two networks {said}; of the loss nothing is decided. "
        f"{several.reason}"
    )
    assert (one.estimate, one.threshold) == (several.estimate, several.threshold)


@pytest.mark.parametrize("without", ["not decided", "not applicable"])
def test_a_claim_says_what_it_is_without_a_statistic(without):
    found = judge(replace(CLAIM, without=without), undefined(40), rules=rules(), judged="b")
    assert found.verdict == without


def test_the_words_are_five():
    assert (
        *("holds", "does not hold", "not decided", "not applicable", "not measured"),
    ) == VERDICTS
    words = [word for part in get_args(Verdict) for word in get_args(part) or (part,)]
    assert sorted(words) == sorted(VERDICTS)


def test_pairs_of_classes_have_no_minimum():
    pairs = replace(CLAIM, unit="pairs of classes")
    assert "lies above 0 (1 pairs" in reason(Estimate(0.25, 0.125, 0.5, 1), pairs)


def test_units_have_minima_of_their_own():
    few = replace(CLAIM, unit="classes")
    assert reason(Estimate(0.25, 0.125, 0.5, 4), few).startswith(
        "Only 4 classes, fewer than the 5"
    )
    assert "lies above 0" in reason(Estimate(0.25, 0.125, 0.5, 5), few)


def test_findings_carry_what_they_are_of():
    found = judge(
        CLAIM,
        Estimate(0.25, 0.125, 0.5, 30, p=0.01),
        rules=rules(),
        judged="b",
        baseline="a",
        p_adjusted=0.02,
        seeds=3,
    )
    assert (found.judged, found.baseline, found.verdict) == ("b", "a", "holds")
    assert (found.p_adjusted, found.seeds, found.threshold) == (0.02, 3, 0.0)
    few = judge(CLAIM, Estimate(1.0, 0.5, 2.0, 29), rules=rules(), judged="b")
    assert few.verdict == "not decided"
    assert few.estimate.value == 1.0


def test_absent_inputs_decide_nothing():
    found = unjudged(CLAIM, "not measured", "No maps.")
    assert (found.judged, found.verdict, found.reason) == (NO_RUN, "not measured", "No maps.")
    assert isnan(found.estimate.value)
    assert isnan(found.threshold)
