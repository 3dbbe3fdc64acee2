"""`imbalens run`: what `dvc repro` computes, and what is told of it meanwhile."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from imbalens.commands import run as command
from imbalens.interrupting import INTERRUPTED
from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.running.plan import Plan, follow
from imbalens.running.progress import Progress
from imbalens.running.reproduce import Reproduced
from imbalens.running.times import read_times, say_seconds, say_time_left, write_times
from tests.tiny import ROOT, TinyProject, tiny_params

pytestmark = pytest.mark.slow
TIMES = "work/times.json"
RESULTS = ("data", "metrics", "plots", "dvc.lock")
STAGES_OF_ALL = frozenset({"prepare@planted", "summary", "report"})
RUN = (sys.executable, "-m", "imbalens", "run")
# what stands in `behaviour` is what the stages `b` and `c` do, beside copying what they read
STAGE = """
from imbalens.stage import run_stage
import os, signal, sys, time
from pathlib import Path
from tqdm import tqdm
from imbalens.errors import InputError

def main():
    name, source = Path(sys.argv[0]).stem, Path(sys.argv[1])
    for _ in tqdm(range(3), desc=name, disable=None):
        pass
    match Path(f"{name}.behaviour").read_text().strip():
        case "fails":
            raise InputError(f"{name} says why")
        case "waits":
            print("waiting", file=sys.stderr, flush=True)
            time.sleep(60)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
    Path(f"{name}.txt").write_text(source.read_text())

run_stage(main)
"""


@pytest.fixture
def project(tmp_path):
    """A project whose stages after `check` are three that copy: a, b and c."""
    made = TinyProject(tmp_path / "project", tiny_params())
    stages = {"check": read_yaml(made.folder / "dvc.yaml")["stages"]["check"]}
    for name, source in {"a": "data/checked.txt", "b": "a.txt", "c": "b.txt"}.items():
        (made.folder / f"{name}.py").write_text(STAGE, encoding="utf-8")
        behave(made, name, "copies")
        stages[name] = {
            "desc": f"copies {source}",
            "cmd": f"python {name}.py {source}",
            "deps": [f"{name}.py", source],
            "outs": [f"{name}.txt"],
        }
    (made.folder / "dvc.yaml").write_text(format_yaml({"stages": stages}), encoding="utf-8")
    return made


def behave(project, stage, how):
    (project.folder / f"{stage}.behaviour").write_text(how, encoding="utf-8")


def environment(project):
    return {
        **{key: value for key, value in os.environ.items() if key != "PATH"},
        "PATH": "/usr/bin:/bin",  # `python` is that of the program, whatever PATH has
        "PYTHONPATH": str(project.folder / "src"),
        "DVC_NO_ANALYTICS": "1",
    }


def run(project, *arguments):
    return subprocess.run(
        [*RUN, *arguments],
        cwd=project.folder,
        env=environment(project),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_each_stage_is_told_with_the_time_that_is_left(project):
    done = run(project)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0].startswith("params.yaml: valid")
    assert [line.partition(":")[2] for line in said[1:-1]] == [
        " check, params.yaml is valid, and its names are safe in commands and paths",
        " a, copies data/checked.txt",
        " b, copies a.txt",
        " c, copies b.txt",
    ]
    # nothing hangs on `check` as a rule; of stages that never ran nothing is known
    assert [line.partition(":")[0] for line in said[1:-1]][1:] == [
        f"stage {n} of 4" for n in (2, 3, 4)
    ]
    assert said[-1] == "4 of 4 stages run."
    times = json.loads((project.folder / TIMES).read_text(encoding="utf-8"))
    assert times.keys() == {"check", "a", "b", "c"}
    assert all(0.01 < seconds < 60 for seconds in times.values())
    assert "times" not in project.git("status", "--porcelain")

    again = run(project)
    assert again.stdout.splitlines()[1:] == ["All 4 stages are up to date."]

    (project.folder / TIMES).write_text('{"b": 600, "c": 6000}', encoding="utf-8")
    (project.folder / "b.py").write_text(STAGE + "\n# edited", encoding="utf-8")
    edited = run(project).stdout.splitlines()[1:]
    # what `b` writes is what it wrote before
    assert edited == ["stage 1 of 2, about 1 h 50 min left: b, copies a.txt", "1 of 4 stages run."]


def test_some_stages_can_be_asked_for_and_forced(project):
    done = run(project, "b")
    assert done.stdout.splitlines()[-1] == "3 of 3 stages run."
    assert not (project.folder / "c.txt").exists()
    forced = run(project, "a", "--force").stdout.splitlines()
    assert [line.partition(",")[0] for line in forced[1:]] == [
        "stage 1 of 2",
        "stage 2 of 2",
        "2 of 2 stages run.",
    ]


def test_what_is_no_stage_is_one_line(project):
    done = run(project, "nosuch")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "nosuch" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("how", "last"),
    [
        ("fails", "b failed (stage 3 of 4); when that is mended, this goes on: imbalens run"),
        (
            "killed",
            "b was ended by SIGKILL, which a system sends where memory runs out (stage 3 of 4); "
            "when that is mended, this goes on: imbalens run",
        ),
    ],
)
@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_what_a_failed_stage_says_stands_last(project, how, last, shell, monkeypatch):
    monkeypatch.setenv("SHELL", shell)  # DVC runs stages by it; some shells wait for what they run
    behave(project, "b", how)
    done = run(project)
    assert done.returncode == 1
    own = ["error: b says why"] if how == "fails" else []
    # a shell that waits for a stage says of its own that this was killed
    assert [line for line in done.stderr.splitlines() if line != "Killed"] == [
        *own,
        f"error: {last}",
    ]
    # what was done is kept, and how long it took
    assert read_times(project.folder / TIMES).keys() == {"check", "a"}
    behave(project, "b", "copies")
    done = run(project)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "2 of 4 stages run."


def start(project):
    return subprocess.Popen(
        RUN,
        cwd=project.folder,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        # a background job of a shell ignores interrupts, and so does what it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_an_interrupt_is_one_line_and_the_same_command_goes_on(project):
    behave(project, "b", "waits")
    process = start(project)
    assert process.stderr.readline() == "waiting\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == f"{INTERRUPTED}\n"
    behave(project, "b", "copies")
    done = run(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "2 of 4 stages run."


def test_an_interrupt_before_the_first_stage_is_the_same(project):
    process = start(project)
    assert process.stdout.readline().startswith("params.yaml: valid")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == f"{INTERRUPTED}\n"
    assert run(project).returncode == 0


def test_a_second_one_at_a_time_says_that_there_is_a_first(project):
    behave(project, "b", "waits")
    process = start(project)
    assert process.stderr.readline() == "waiting\n"
    second = run(project)
    assert second.returncode == 1
    assert "error: " in second.stderr
    assert str(process.pid) in second.stderr
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)


def test_bars_of_stages_are_shown_on_a_terminal_only(project):
    pty = pytest.importorskip("pty")
    plain = run(project)
    assert "\r" not in plain.stdout + plain.stderr
    assert "\x1b" not in plain.stdout + plain.stderr
    ours, theirs = pty.openpty()
    pytest.importorskip("termios").tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [*RUN, "--force", "b"],
        cwd=project.folder,
        env=environment(project),
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):  # as Linux ends a terminal
        while read := os.read(ours, 4096):
            said += read
    os.close(ours)
    assert process.wait() == 0
    shown = said.decode()
    assert shown.index("stage 3 of 3") < shown.index("b: 100%") < shown.index("3 of 3 stages run.")


def test_the_last_line_says_what_was_found_and_which_page_to_open(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command.check, "main", lambda _: None)
    monkeypatch.setattr(command, "reproduce", lambda *_, **__: Reproduced(STAGES_OF_ALL, 0))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    command.main([])
    (line,) = capsys.readouterr().out.splitlines()
    sentences = (ROOT / "plots/summary.md").read_text(encoding="utf-8").split("\n- ")
    first = sentences[1].splitlines()[0]
    assert line == f"All 3 stages are up to date. {first} Open plots/report.html"


def test_results_and_lock_are_those_of_dvc_repro(tmp_path):
    values = tiny_params()
    projects = [TinyProject(tmp_path / name, values, ("prepare",)) for name in ("ours", "dvc")]
    ours, dvc = projects
    assert run(ours).returncode == 0
    dvc.repro()
    files = [
        {
            path.relative_to(project.folder): path.read_bytes()
            for path in project.folder.rglob("*")
            if path.is_file() and path.relative_to(project.folder).parts[0] in RESULTS
        }
        for project in projects
    ]
    assert files[0].keys() == files[1].keys()
    assert len(files[0]) >= 4
    assert files[0] == files[1]
    assert ours.git("status", "--porcelain") == dvc.git("status", "--porcelain")


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", "null", '{"a": "x"}', '{"a": NaN}', '{"a": -1}', "\0", '{"a": {}}']
)
def test_a_damaged_file_of_times_is_none(tmp_path, content):
    path = tmp_path / "times.json"
    path.write_text(content, encoding="utf-8")
    assert read_times(path) == {}
    write_times(path, {"a": 2.5})
    assert read_times(path) == {"a": 2.5}


def test_where_times_cannot_be_kept_nothing_fails(tmp_path):
    (tmp_path / "work").write_text("a file", encoding="utf-8")
    write_times(tmp_path / "work/times.json", {"a": 1.0})
    assert read_times(tmp_path / "work/times.json") == {}


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (["train@a"], "about 10 s left"),
        (["train@a", "train@b"], "about 30 s left"),
        (["train@new"], "about 15 s left"),
        (["train@a", "dump@a"], "more than 10 s left"),
        (["dump@a"], ""),
        ([], ""),
    ],
)
def test_time_left_is_that_of_the_last_run(stages, said):
    assert say_time_left({"train@a": 10.0, "train@b": 20.0}, stages) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89.0, "89 s"), (91.0, "2 min"), (3599.0, "1 h 0 min"), (5e3, "1 h 23 min")],
)
def test_durations_are_said_as_a_person_would(seconds, said):
    assert say_seconds(seconds) == said


def test_a_stage_that_nobody_expected_brings_what_hangs_on_it(tmp_path):
    followers = {
        "check": frozenset({"check"}),
        "a": frozenset({"a", "b"}),
        "b": frozenset({"b"}),
    }
    assert follow(followers, ["check", "a"]) == {"check", "a", "b"}
    lines = []
    told = Plan(dict.fromkeys(followers, ""), frozenset({"check"}), followers)
    progress = Progress(told, tmp_path / "times.json", say=lines.append)
    for message in ("Running stage 'check':", "Running stage 'a':", "Stage 'b' is cached - "):
        progress.emit(make_record(message))
        time.sleep(0.02)
    progress.end_stage()
    assert lines == [
        "stage 1 of 1: check",
        "stage 2 of 3: a",
        "stage 3 of 3: b, as computed before",
    ]
    assert read_times(tmp_path / "times.json").keys() == {"check", "a"}


def make_record(message):
    return logging.LogRecord("dvc", logging.INFO, "", 0, message, (), None)
