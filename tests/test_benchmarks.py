"""The benchmarks run and compare like with like; how fast anything is, is not tested."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks import analyses, run, saliency, timing
from benchmarks.report import render


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
        (["nonsense"], "found nonsense; allowed: training, input_pipeline"),
        (["--write", "--quick"], "--write takes neither"),
        (["--write", "colours"], "--write takes neither"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit):
        run.main(arguments)
    assert message in capsys.readouterr().err


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
