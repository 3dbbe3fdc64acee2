import pytest

from imbalens.analysis.claims.cost_sensitive import CONTROLLED
from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.prior_shift import prior_shift_sentences
from imbalens.analysis.claims.verdicts import judge, unjudged
from tests.analysis.claims.rules import rules

UP, DOWN, NEITHER, CHANCE = (0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (0.01, 0.2)


def found(item, run, interval):
    if interval is None:
        return unjudged(item.claim, "not measured", "No maps.", judged=run)
    low, high = interval
    estimate = Estimate((low + high) / 2, low, high, 100)
    p_adjusted = 0.4 if interval == CHANCE else 0.01
    return judge(
        item.claim, estimate, rules=rules(), judged=run, baseline="bce", p_adjusted=p_adjusted
    )


def sentences(what, paper, matched):
    first, second = CONTROLLED[what]
    return prior_shift_sentences(
        [found(first, f"r{place}", interval) for place, interval in enumerate(paper)]
        + [found(second, f"r{place}", interval) for place, interval in enumerate(matched)]
    )[what]


@pytest.mark.parametrize(
    ("matched", "end"),
    [
        (
            (UP, UP, UP),
            "at matched scale for 2 of these (r0, r1): the effect survives the control.",
        ),
        (
            (UP, NEITHER, UP),
            "at matched scale for 1 of these (r0): the effect survives the control in part; for "
            "the rest that is open.",
        ),
        (
            (UP, DOWN, UP),
            "at matched scale for 1 of these (r0): the effect survives the control in part.",
        ),
        (
            (DOWN, DOWN, UP),
            "at matched scale for 0 of these: the effect does not survive the control.",
        ),
        (
            (CHANCE, DOWN, UP),
            "at matched scale for 0 of these: the effect is not shown to survive the control.",
        ),
        (
            (DOWN, NEITHER, UP),
            "at matched scale for 0 of these: the effect is not shown to survive the control.",
        ),
    ],
)
def test_only_runs_that_show_the_effect_are_controlled(matched, end):
    assert sentences("IoBB", (UP, UP, NEITHER), matched) == (
        f"in the paper's measure it rises for 2 of 3 settings (r0, r1), {end}"
    )


def test_a_fall_is_controlled_by_a_fall():
    assert sentences("IoR", (DOWN,), (DOWN,)) == (
        "in the paper's measure it falls for 1 of 1 settings (r0), at matched scale for 1 of "
        "these (r0): the effect survives the control."
    )


def test_without_an_effect_there_is_nothing_to_control():
    assert sentences("IoBB", (DOWN, DOWN), (UP, UP)) == (
        "in the paper's measure it rises for none of 2 settings but falls for each: there is no "
        "effect to control."
    )
    assert sentences("IoR", (UP,), ()).startswith("in the paper's measure it falls for none of 1")


@pytest.mark.parametrize(
    ("paper", "but"),
    [
        ((NEITHER, NEITHER), ""),
        ((CHANCE, NEITHER), ""),
        ((DOWN, NEITHER), " and falls for 1 (r0)"),
    ],
)
def test_an_effect_that_is_not_shown_may_be_there(paper, but):
    assert sentences("IoBB", paper, (UP, UP)) == (
        f"in the paper's measure it is not shown to rise for any of 2 settings{but}: whether "
        "there is an effect to control is open."
    )


def test_what_was_not_measured_is_said_with_the_reason():
    assert sentences("IoBB", (None, None), (UP,)) == "not measured: no maps."
    assert sentences("IoBB", (UP, None), (None, None)) == (
        "in the paper's measure it rises for 1 of 1 settings (r0); not measured at matched scale: "
        "no maps."
    )
    assert set(prior_shift_sentences([])) == {"IoBB", "IoR"}
