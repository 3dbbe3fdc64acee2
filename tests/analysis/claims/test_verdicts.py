from math import isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import Estimate, undefined
from imbalens.analysis.claims.verdicts import NO_RUN, Claim, decide, judge, undecided

OPPOSITE = {
    "holds": "does not hold",
    "does not hold": "holds",
    "not decidable": "not decidable",
}
ENDS = st.tuples(st.integers(-8, 8), st.integers(-8, 8)).map(sorted)


@pytest.mark.parametrize(
    ("low", "high", "side", "threshold", "verdict"),
    [
        (0.1, 0.3, "above", 0.0, "holds"),
        (-0.3, -0.1, "above", 0.0, "does not hold"),
        (-0.1, 0.3, "above", 0.0, "not decidable"),
        (0.0, 0.3, "above", 0.0, "not decidable"),
        (-0.3, -0.1, "below", 0.0, "holds"),
        (0.1, 0.3, "below", 0.0, "does not hold"),
        (-0.1, 0.0, "below", 0.0, "not decidable"),
        (-0.01, 0.01, "within", 0.02, "holds"),
        (-0.02, 0.01, "within", 0.02, "not decidable"),
        (0.03, 0.05, "within", 0.02, "does not hold"),
        (-0.05, -0.03, "within", 0.02, "does not hold"),
        (-0.05, 0.05, "within", 0.02, "not decidable"),
        (nan, nan, "above", 0.0, "not decidable"),
        (nan, nan, "within", 0.02, "not decidable"),
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
        assert wide in (narrow, "not decidable")


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


def reason(estimate, claim=CLAIM, threshold=0.0, **options):
    return judge(
        claim, estimate, run="b", baseline="a", threshold=threshold, minimum=30, **options
    ).reason


def test_reasons_are_built_from_the_numbers():
    some = Estimate(0.25, 0.125, 0.5, 40)
    assert reason(some) == "The difference of x, 0.25 [0.125, 0.5], lies above 0 (40 images)."
    assert "lies above 0 (40 images, adjusted p 0.03)." in reason(some, p_adjusted=0.03)
    assert "lies below 1 (" in reason(some, threshold=1.0)
    assert "does not exclude 0.2 (" in reason(some, threshold=0.2)
    few = Estimate(0.25, 0.125, 0.5, 29)
    assert reason(few) == "Only 29 images, fewer than the 30 asked for."
    assert reason(undefined(40)) == "The difference of x is undefined: nothing was drawn."


def test_reasons_of_margins():
    within = Claim(**{**vars(CLAIM), "side": "within", "threshold": None})
    some = Estimate(0.25, 0.125, 0.5, 40)
    for margin, words in ((0.75, "lies within ±0.75"), (0.25, "lies partly outside ±0.25")):
        assert words in reason(some, within, margin, p_adjusted=0.5)
    assert reason(some, within, 0.1, p_adjusted=0.5).endswith("lies outside ±0.1 (40 images).")


def test_findings_carry_what_they_are_of():
    found = judge(
        CLAIM,
        Estimate(0.25, 0.125, 0.5, 30, p=0.01),
        run="b",
        baseline="a",
        threshold=0.0,
        minimum=30,
        p_adjusted=0.02,
        seeds=3,
    )
    assert (found.run, found.baseline, found.verdict) == ("b", "a", "holds")
    assert (found.p_adjusted, found.seeds, found.threshold) == (0.02, 3, 0.0)
    few = judge(
        CLAIM, Estimate(1.0, 0.5, 2.0, 29), run="b", baseline="a", threshold=0.0, minimum=30
    )
    assert few.verdict == "not decidable"
    assert few.estimate.value == 1.0


def test_absent_inputs_decide_nothing():
    found = undecided(CLAIM, "No maps.")
    assert (found.run, found.verdict, found.reason) == (NO_RUN, "not decidable", "No maps.")
    assert isnan(found.estimate.value)
    assert isnan(found.threshold)
