from imbalens.stage import parse_stage, pick, require_neighbors, run_command
import os
import signal
import subprocess
import sys
import time

import pytest

from imbalens.errors import InputError
from tests.tiny import ROOT, tiny_params, write_params


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
        run_command(main)
    code, found = ended.value.code, capsys.readouterr()
    assert found.out == ""
    return (1, f"{found.err}{code}\n") if isinstance(code, str) else (code, found.err)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("a.h5 is missing; run: dvc repro a"), "a.h5 is missing; run: dvc repro a"),
        (InputError("one\ntwo"), "one\ntwo"),
        (InputError("a\x1b[2Jb: c\rd"), r"a\x1b[2Jb: c\rd"),
        (FileNotFoundError(2, "No such file", "b.h5"), "[Errno 2] No such file: 'b.h5'"),
    ],
    ids=["input", "lines", "a terminal's commands", "os"],
)
def test_a_users_mistake_is_one_message_and_status_1(capsys, error, message):
    assert end(fail_with(error), capsys) == (1, f"error: {message}\n")


def test_the_process_of_a_failed_stage_ends_so_too():
    code = (
        "from imbalens.stage import pick, run_command\n"
        "run_command(lambda: pick({'a': 1}, 'runs', 'b'))"
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
        run_command(fail_with(kind("why")))
    assert capsys.readouterr().err == ""


def test_a_stage_that_succeeds_ends_quietly(capsys):
    calls = []
    run_command(lambda: calls.append(1))
    assert calls == [1]
    assert capsys.readouterr() == ("", "")


ALONE = """
import sys, time
from pathlib import Path
from imbalens.stage import run_stage

def main():
    for text in ("starts", "ends"):
        with Path("log").open("a", encoding="utf-8") as file:
            print(text, file=file)
        while not Path("go").exists():
            time.sleep(0.01)

run_stage(main)
"""


@pytest.fixture
def start(tmp_path):
    """Start a stage of one's own, which ends once there is a file `go`, under a name."""
    (tmp_path / "show.py").write_text(ALONE, encoding="utf-8")
    started = []

    def run(name):
        process = subprocess.Popen(
            [sys.executable, "show.py", name],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read_log(folder):
    path = folder / "log"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_the_second_of_the_same_stage_waits_and_says_for_whom(start, tmp_path):
    first = start("a")
    wait_for(lambda: read_log(tmp_path))
    second = start("a")
    assert f"show@a: waits for process {first.pid}" in second.stderr.readline()
    assert read_log(tmp_path) == ["starts"]
    (tmp_path / "go").touch()
    assert (first.wait(), second.wait()) == (0, 0)
    assert read_log(tmp_path) == ["starts", "ends"] * 2


def test_stages_of_other_names_do_not_wait(start, tmp_path):
    start("a")
    wait_for(lambda: read_log(tmp_path))
    start("b")
    wait_for(lambda: len(read_log(tmp_path)) >= 2)
    assert read_log(tmp_path)[:2] == ["starts", "starts"]


def test_nobody_waits_for_a_killed_stage(start, tmp_path):
    first = start("a")
    wait_for(lambda: read_log(tmp_path))
    first.kill()
    first.wait()
    (tmp_path / "go").touch()
    assert start("a").stderr.read() == ""


# what the shell of a background job has ignored is asked for again
SLOW = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(9)
"""
STARTED = [
    "-m imbalens check",
    "-m imbalens run",
    *(f"stages/{path.name}" for path in sorted((ROOT / "stages").glob("*.py"))),
]


@pytest.mark.parametrize("script", STARTED)
@pytest.mark.parametrize("package", ["pydantic", "numpy"])
def test_an_interrupt_while_a_script_is_loaded_is_no_traceback(tmp_path, script, package):
    (tmp_path / f"{package}.py").write_text(SLOW, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *script.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr == "interrupted; the same command goes on, training from its last epoch\n"
