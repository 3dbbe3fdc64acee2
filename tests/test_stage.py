import subprocess
import sys

import pytest

from imbalens.errors import InputError
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from tests.tiny import tiny_params, write_params


@pytest.mark.parametrize(
    ("section", "allowed"),
    [({"a": 1, "b-2": 2}, "a, b-2"), ({}, r"\(none\)")],
)
def test_pick_lists_what_is_allowed(section, allowed):
    with pytest.raises(InputError, match=rf"^runs: found 'c'; allowed: {allowed}$"):
        pick(section, "runs", "c")


def test_pick_returns_what_has_that_name():
    assert pick({"a": 1, "b": 2}, "runs", "b") == 2


def test_more_instances_than_neighbors_are_required():
    require_neighbors("archetypes.n_neighbors", 4, 5)
    with pytest.raises(
        InputError,
        match=r"^analyses\.yaml: archetypes\.n_neighbors: found 5; allowed: below the 5 training",
    ):
        require_neighbors("archetypes.n_neighbors", 5, 5)


def test_help_names_the_argument(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_stage("Count the birds.", "run", ["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "RUN" in out
    assert "a run of params.yaml" in out
    assert "Count the birds." in out
    assert "--params" in out


def test_a_missing_argument_is_named(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_stage(None, "dataset", [])
    assert ended.value.code == 2
    assert "DATASET" in capsys.readouterr().err


def test_parameters_are_of_the_current_folder_or_of_the_file_given(tmp_path, monkeypatch):
    values = tiny_params()
    write_params(tmp_path, values)
    (tmp_path / "other").mkdir()
    values["dumps"]["batch_size"] = 3
    write_params(tmp_path / "other", values)
    monkeypatch.chdir(tmp_path)
    name, params = parse_stage(None, "run", ["planted-ce"])
    assert name == "planted-ce"
    assert params.dumps.batch_size != 3
    _, params = parse_stage(None, "run", ["planted-ce", "--params", "other/params.yaml"])
    assert params.dumps.batch_size == 3


def fail_with(error):
    def main():
        raise error

    return main


def end(main, capsys) -> tuple[int, str]:
    """Return the exit status and what stands on stderr once the interpreter has ended."""
    with pytest.raises(SystemExit) as ended:
        run_stage(main)
    code, found = ended.value.code, capsys.readouterr()
    assert found.out == ""
    return (1, f"{found.err}{code}\n") if isinstance(code, str) else (code, found.err)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("a.h5 is missing; run: dvc repro a"), "a.h5 is missing; run: dvc repro a"),
        (InputError("one\ntwo"), "one\ntwo"),
        (FileNotFoundError(2, "No such file", "b.h5"), "[Errno 2] No such file: 'b.h5'"),
    ],
    ids=["input", "lines", "os"],
)
def test_a_users_mistake_is_one_message_and_status_1(capsys, error, message):
    assert end(fail_with(error), capsys) == (1, f"error: {message}\n")


def test_the_process_of_a_failed_stage_ends_so_too():
    code = (
        "from imbalens.stage import pick, run_stage\n"
        "run_stage(lambda: pick({'a': 1}, 'runs', 'b'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: runs: found 'b'; allowed: a\n"
    assert done.stdout == ""


def test_an_interrupt_says_how_to_go_on_and_is_status_130(capsys):
    status, message = end(fail_with(KeyboardInterrupt()), capsys)
    assert status == 130
    assert "the same command goes on" in message


@pytest.mark.parametrize("kind", [ValueError, KeyError, ZeroDivisionError])
def test_anything_else_is_let_through(capsys, kind):
    with pytest.raises(kind, match="why"):
        run_stage(fail_with(kind("why")))
    assert capsys.readouterr().err == ""


def test_a_stage_that_succeeds_ends_quietly(capsys):
    calls = []
    run_stage(lambda: calls.append(1))
    assert calls == [1]
    assert capsys.readouterr() == ("", "")
