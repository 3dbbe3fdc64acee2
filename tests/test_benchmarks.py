"""The benchmarks run and compare like with like; how fast anything is, is not tested."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks import analyses, evidence, mutants, run, saliency, timing
from benchmarks.mutant_list import MUTANTS
from benchmarks.report import render
from imbalens.analysis.common.measured import Measure
from tests.tiny import ROOT


def test_a_quick_run_gives_a_finite_ratio_for_every_benchmark(capsys):
    rows = run.main(["--quick"])
    assert {row.benchmark for row in rows} == set(run.BENCHMARKS)
    for row in rows:
        assert math.isfinite(row.ratio)
        assert 0 < row.low <= row.ratio <= row.high
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(table) == 1 + len(rows)


def test_only_the_benchmarks_asked_for_run():
    assert [row.benchmark for row in run.main(["--quick", "colours"])] == ["colours"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "found nonsense; allowed: preparation, training"),
        (["--write", "--quick"], "--write takes neither"),
        (["--write", "colours"], "--write takes neither"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit):
        run.main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_line_that_a_mutant_breaks_stands_where_it_says(mutant):
    text = (ROOT / mutants.ANALYSIS / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert text.count(mutant.right) == 1
    assert mutant.wrong != mutant.right


def test_programs_with_different_results_are_not_timed():
    runs = []

    def program(name, result):
        def compute():
            runs.append(name)
            return np.array(result)

        return compute

    def check(first, second):
        timing.require_equal(first, second, "sums")

    programs = {"ours": program("ours", [1, 2]), "theirs": program("theirs", [1, 3])}
    with pytest.raises(timing.UnequalResultsError, match="sums: 1 of 2 values differ"):
        timing.measure(programs, check=check, rounds=3)
    assert runs == ["ours", "theirs"]


def test_programs_take_turns_and_the_warm_up_is_not_timed():
    ticks, runs = iter(range(100)), []
    programs = {name: lambda name=name: runs.append(name) for name in "abc"}
    seconds = timing.measure(
        programs, check=lambda *_: None, rounds=2, clock=lambda: float(next(ticks) ** 2)
    )
    assert "".join(runs) == "abccbaabc"
    # an interval that starts at tick t of the squared clock takes 2 t + 1
    np.testing.assert_array_equal(seconds["a"], [21, 25])
    np.testing.assert_array_equal(seconds["c"], [13, 33])


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0, 2.0], [1.0, 2.1]), ([1.0], [1.0, 1.0]), ([math.nan], [1.0])],
)
def test_close_results_are_told_from_different_ones(first, second):
    first, second = np.array(first), np.array(second)
    timing.require_close(first, first * (1 + 1e-9), "x", relative=1e-6)
    with pytest.raises(timing.UnequalResultsError):
        timing.require_close(first, second, "x", relative=1e-6)
    with pytest.raises(timing.UnequalResultsError):
        timing.require_equal(first, second, "x")


def test_rounding_may_move_one_salient_pixel_in_a_thousand():
    ours = np.arange(1 << 14).reshape(1, 128, 128) < 1000
    theirs = np.arange(1 << 14).reshape(1, 128, 128) < 1001
    theirs[0, 0, 0] = False
    saliency._require_same_pixels(ours, theirs)
    theirs[0, 0, 1], theirs[0, 127, 127] = False, True
    with pytest.raises(timing.UnequalResultsError, match=r"0\.20% differ"):
        saliency._require_same_pixels(ours, theirs)
    with pytest.raises(timing.UnequalResultsError, match="number of salient pixels"):
        saliency._require_same_pixels(ours, ours & theirs)


def test_tables_that_differ_are_told_apart(tmp_path):
    for folder, share in (("a", 0.5), ("b", 0.5), ("c", 0.5001)):
        (tmp_path / folder).mkdir()
        pd.DataFrame({"share": [share]}).to_csv(tmp_path / folder / "t.csv", index=False)
    analyses._require_equal_tables(tmp_path / "a", tmp_path / "b")
    with pytest.raises(timing.UnequalResultsError, match=r"t\.csv"):
        analyses._require_equal_tables(tmp_path / "a", tmp_path / "c")
    (tmp_path / "c" / "more.csv").touch()
    with pytest.raises(timing.UnequalResultsError, match="other files"):
        analyses._require_equal_tables(tmp_path / "a", tmp_path / "c")


def test_a_row_shows_median_spread_and_whether_the_goal_is_met():
    speed = timing.speed_row(
        "x", "ours", "theirs", ours=np.array([1.0, 2.0, 1.0]), theirs=np.full(3, 4.0), at_least=5
    )
    memory = timing.ratio_row("y", "ours", "1 GiB", np.array([0.5]), timing.Goal("<=", 1.0))
    lines = render([speed, memory]).splitlines()
    assert lines[2] == "| x | ours | theirs | 4 | 2 to 4 | >= 5 | **no** |"
    assert lines[3] == "| y | ours | 1 GiB | 0.5 | 0.5 to 0.5 | <= 1 | yes |"


def draw_trainings(rng, n_trainings, *, by_seed, n_measures=6, n_replicates=80):
    """Measures of trainings that vary over images by .01, each in its own way, and by seed."""
    return [
        [
            Measure(
                "s",
                f"m{place}",
                None,
                0.5
                + by_seed * rng.normal()
                + 0.01 * np.append(rng.normal(), rng.normal(size=n_replicates))[:, None],
                np.array([60]),
            )
            for place in range(n_measures)
        ]
        for _ in range(n_trainings)
    ]


def test_every_choice_of_trainings_is_compared_once():
    measured = draw_trainings(np.random.default_rng(0), 5, by_seed=0.0, n_measures=3)
    assert len(list(evidence.compare_choices(measured, 1, 1))) == 10
    found = list(evidence.compare_choices(measured, 3, 1))
    assert len(found) == 20
    assert {one.rows for one in found} == {3}
    assert list(evidence.compare_choices(measured[:2], 3, 1)) == []


def test_trainings_told_apart_by_their_seed_are_counted_as_errors():
    measured = draw_trainings(np.random.default_rng(1), 4, by_seed=0.2)
    found = list(evidence.compare_choices(measured, 1, 1))
    assert np.mean([one.excluding / one.rows for one in found]) > 0.8
    assert np.mean([one.rejected["other"] for one in found]) > 0.8
    assert not any(one.rejected["main"] or one.rejected["per class"] for one in found)


def test_simulated_trainings_vary_as_measured_over_images_and_seeds():
    rng = np.random.default_rng(2)
    null = evidence.Null.of(draw_trainings(rng, 30, by_seed=0.03))
    drawn = np.stack(
        [[[one.values for one in of] for of in null.trainings(rng, 2)] for _ in range(400)]
    )[..., 0]
    difference = drawn[:, 1] - drawn[:, 0]
    # of either training .01 over images; of the value that and .03 over seeds
    assert difference[..., 1:].std(axis=-1).mean() == pytest.approx(0.01 * 2**0.5, rel=0.1)
    assert difference[..., 0].std() == pytest.approx(2**0.5 * np.hypot(0.01, 0.03), rel=0.15)
    still = np.stack(
        [[one.values[0, 0] for one in null.trainings(rng, 1, of_seeds=0)[0]] for _ in range(400)]
    )
    assert still.std(axis=0).mean() == pytest.approx(0.01, rel=0.15)
