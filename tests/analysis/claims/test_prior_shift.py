import pytest

from imbalens.analysis.claims.cost_sensitive import CONTROLLED, Difference, judge_difference
from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.prior_shift import prior_shift_sentences
from imbalens.analysis.claims.verdicts import undecided

UP, DOWN, NEITHER = (0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1)


def found(item, run, interval):
    if interval is None:
        return undecided(item.claim, "No maps.", run=run)
    low, high = interval
    difference = Difference(Estimate((low + high) / 2, low, high, 100), 0.5, 1)
    return judge_difference(item, difference, run=run, baseline="bce", margin=0.1, min_images=1)


def sentences(what, paper, matched):
    first, second = CONTROLLED[what]
    return prior_shift_sentences(
        [found(first, f"r{place}", interval) for place, interval in enumerate(paper)]
        + [found(second, f"r{place}", interval) for place, interval in enumerate(matched)]
    )


@pytest.mark.parametrize(
    ("matched", "end"),
    [
        (
            (UP, UP, UP),
            "at matched scale for 2 of these (r0, r1): the effect survives the control.",
        ),
        (
            (UP, NEITHER, UP),
            "at matched scale for 1 of these (r0): the effect survives in part the control.",
        ),
        (
            (DOWN, DOWN, UP),
            "at matched scale for 0 of these: the effect does not survive the control.",
        ),
        (
            (DOWN, NEITHER, UP),
            "at matched scale for 0 of these: the effect is not shown to survive the control.",
        ),
    ],
)
def test_only_runs_that_show_the_effect_are_controlled(matched, end):
    (sentence,) = sentences("IoBB", (UP, UP, NEITHER), matched)
    assert sentence == f"IoBB: in the paper's measure it rises for 2 of 3 runs (r0, r1), {end}"


def test_a_fall_is_controlled_by_a_fall():
    (sentence,) = sentences("IoR", (DOWN,), (DOWN,))
    assert sentence == (
        "IoR: in the paper's measure it falls for 1 of 1 runs (r0), at matched scale for 1 of "
        "these (r0): the effect survives the control."
    )


def test_what_cannot_be_controlled_is_said():
    (sentence,) = sentences("IoBB", (UP, None), ())
    assert sentence.endswith("for 1 of 1 runs (r0); it was not measured at matched scale.")
    (sentence,) = sentences("IoBB", (DOWN, NEITHER), (UP, UP))
    assert sentence.endswith("it rises for none of 2 runs: there is no effect to control.")
    assert sentences("IoBB", (None,), (UP,)) == []
    assert prior_shift_sentences([]) == []
