"""What a killed DVC leaves behind no longer blocks a project."""

import hashlib
import json
import os
import subprocess
import sys
import time

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from imbalens.errors import InputError
from imbalens.recovery import (
    CUT_LOCK,
    find_processes,
    parse_lock,
    parse_rwlock,
    recover,
    runs_dvc,
    runs_stage,
)
from tests.tiny import ROOT, TinyProject, tiny_params

INFO = {"pid": 2**22 + 1, "cmd": "dvc repro"}  # above Linux's largest process id
HELD = json.dumps({"write": {"/p/a.txt": INFO}, "read": {"/p/params.yaml": [INFO]}}).encode()
DAMAGED = (
    b"",
    HELD[:1],
    HELD[:30],
    HELD[:-1],
    b"[]",
    b"null",
    b'{"read": 3}',
    b"\xff\xfe",
    b"{}{}",
    b"[" * 100_000,
)
RWLOCK = ".dvc/tmp/rwlock"
RUNS = ".dvc/cache/runs"
CONTENT = b"what a stage computed\n" * 50
MD5 = hashlib.md5(CONTENT).hexdigest()
LOCK = {
    "schema": "2.0",
    "stages": {
        "one": {
            "cmd": "python one.py",
            "params": {"params.yaml": {"a": 1}},
            "outs": [{"path": "one.txt", "hash": "md5", "md5": MD5, "size": len(CONTENT)}],
        },
        "two": {
            "cmd": "python two.py",
            "deps": [{"path": "one.txt", "hash": "md5", "md5": MD5, "size": len(CONTENT)}],
        },
    },
}


@pytest.fixture
def project(tmp_path):
    """A folder laid out as DVC does, with one object in its cache, known to dvc.lock."""
    cached = tmp_path / ".dvc/cache/files/md5" / MD5[:2] / MD5[2:]
    run = tmp_path / ".dvc/cache/runs/ab/abc/def"
    for path, content in (
        (tmp_path / RWLOCK, b"{}"),
        (tmp_path / "dvc.lock", yaml.safe_dump(LOCK, sort_keys=False).encode()),
        (cached, CONTENT),
        (run, b"cmd: python one.py\nouts:\n- path: one.txt\n  md5: " + MD5.encode() + b"\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def start(project):
    """Start a process in the project that looks like the given command."""
    started = []

    def run(script, *arguments):
        (project / script).parent.mkdir(exist_ok=True)
        (project / script).write_text("import time; print('up', flush=True); time.sleep(100)")
        command = [sys.executable, script, *arguments]
        process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_where_all_is_well_nothing_is_touched(project):
    before = state(project)
    assert recover(project) == []
    assert state(project) == before


def test_a_project_where_nothing_ran_yet_is_well(tmp_path):
    (tmp_path / ".dvc").mkdir()
    assert recover(tmp_path) == []
    assert state(tmp_path) == {}


@pytest.mark.parametrize("name", [RWLOCK, ".dvc/tmp/exps/rwlock"])
@pytest.mark.parametrize("content", [*DAMAGED, HELD])
def test_an_rwlock_that_nobody_holds_is_deleted(project, name, content):
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_bytes(content)
    assert recover(project) == [f"{name}: was left by a DVC that was killed; deleted"]
    assert not (project / name).exists()
    assert recover(project) == []


@pytest.mark.parametrize("content", DAMAGED)
def test_while_dvc_lives_a_damaged_rwlock_stays(project, start, monkeypatch, content):
    monkeypatch.setattr("imbalens.recovery.PATIENCE", 0.01)
    (project / RWLOCK).write_bytes(content)
    process = start("dvc", "repro")
    with pytest.raises(
        InputError, match=rf"rwlock is cut, and process {process.pid} \(.*dvc repro"
    ):
        recover(project)
    assert (project / RWLOCK).read_bytes() == content
    process.kill()
    process.wait()
    assert len(recover(project)) == 1


def test_what_a_living_dvc_holds_is_its_own_matter(project, start):
    (project / RWLOCK).write_bytes(HELD)
    start("dvc", "repro")
    before = state(project)
    assert recover(project) == []
    assert state(project) == before


def test_an_rwlock_that_dvc_is_just_writing_is_waited_for(project, start, monkeypatch):
    (project / RWLOCK).write_bytes(b"")
    start("dvc", "repro")
    monkeypatch.setattr(time, "sleep", lambda _: (project / RWLOCK).write_bytes(HELD))
    assert recover(project) == []


def test_a_stage_that_outlived_its_dvc_is_waited_for(project, start):
    (project / RWLOCK).write_bytes(HELD)
    process = start("stages/train.py", "planted-ce")
    with pytest.raises(InputError, match=rf"process {process.pid} \(.*stages/train.py planted-ce"):
        recover(project)
    assert (project / RWLOCK).exists()


def test_a_dvc_of_another_project_does_not_count(project, start, tmp_path_factory):
    process = start("dvc", "repro")
    assert [found.pid for found in find_processes(project)] == [process.pid]
    assert find_processes(tmp_path_factory.mktemp("other")) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dvc", "repro"], True),
        (["/a/.venv/bin/python3.11", "/a/.venv/bin/dvc", "repro"], True),
        (["python", "-m", "dvc", "exp", "run"], True),
        (["python", "-I", "-m", "dvc", "repro"], True),
        (["C:\\venv\\Scripts\\dvc.exe", "repro"], True),
        (["C:\\venv\\python.exe", "C:\\venv\\Scripts\\dvc.exe", "repro"], True),
        (["python", "-m", "dvc", "daemon", "updater"], False),
        (["python", "-X", "dev", "/a/bin/dvc", "repro"], True),
        (["python", "-c", "import dvc"], False),
        (["vim", "dvc.yaml"], False),
        (["grep", "dvc"], False),
        (["python", "-m", "imbalens", "check"], False),
        (["/a/.venv/bin/python", "/a/.venv/bin/imbalens", "run", "train@a"], True),
        (["python", "-m", "imbalens", "run"], True),
        (["imbalens.exe", "run"], True),
        (["imbalens", "check"], False),
        (["python", "-m", "pytest", "imbalens", "run"], False),
        (["python", "stages/train.py", "dvc"], False),
        ([], False),
    ],
)
def test_dvc_is_told_from_other_commands(words, expected):
    assert runs_dvc(words) == expected


def test_a_stage_is_told_from_other_commands():
    assert runs_stage(["python", "stages/train.py", "planted-ce"])
    assert runs_stage(["python.exe", "stages\\train.py", "planted-ce"])
    assert not runs_stage(["python", "-m", "pytest", "tests/test_stages.py"])


def test_an_rwlock_is_read_as_dvc_does():
    assert parse_rwlock(b"{}") == parse_rwlock(b'{"read": {}, "write": {}}') == set()
    assert parse_rwlock(HELD) == {"/p/a.txt", "/p/params.yaml"}
    assert all(parse_rwlock(content) is None for content in DAMAGED)


def test_a_lock_is_judged_as_dvc_does_wherever_it_was_cut():
    content = (ROOT / "dvc.lock").read_bytes()[:2500]
    cut = [content[:length] for length in range(0, len(content), 3)]
    readable = [part for part in cut if dvc_reads(part)]
    assert 100 < len(readable) < len(cut) - 100
    assert [part for part in cut if parse_lock(part) is not None] == readable


ALIASES = "\n".join(
    ["a0: &a0 [1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 2000,
        "- " * 2000,
        "a: " + "[" * 500 + "]" * 500,
        f"schema: '2.0'\n{ALIASES}",
        "schema: '2.0'\nstages: &a {b: *a}",
        "schema: '2.0'\nstages: {<<: [1]}",
        "schema: !!bool x",
        "schema: !!timestamp [1]",
        "schema: 2024-01-01",
        f"schema: {'1' * 5000}",
        "schema: '2.0'\nstages: {a: {cmd: [a], deps: [{path: 1}]}}",
    ],
    ids=range(11),
)
def test_a_lock_that_dvc_never_wrote_is_none(content):
    assert parse_lock(content.encode()) is None


def test_a_lock_of_ten_thousand_stages_is_read():
    stages = "".join(f"  s{i}: {{cmd: a, deps: [{{path: p, md5: abc}}]}}\n" for i in range(10_000))
    assert len(parse_lock(f"schema: '2.0'\nstages:\n{stages}".encode())) == 10_000


@pytest.mark.parametrize("md5", ["..{}", "ab{}", ["a", "b"], 123456])
def test_what_is_no_hash_leads_to_no_file(project, tmp_path_factory, md5):
    """A lock that a stranger wrote must not name what is deleted."""
    mine = tmp_path_factory.mktemp("other") / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    named = md5.format(mine) if isinstance(md5, str) else md5
    lock["stages"]["one"]["outs"][0] |= {"md5": named, "size": 1}
    (project / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    assert recover(project) == []
    assert mine.read_text(encoding="utf-8") == "mine"


def dvc_reads(content):
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(content))
    except Exception:  # noqa: BLE001 - whatever it says
        return False
    return True


@pytest.mark.parametrize("content", [b"", b"schema: '2.0'\nstages:\n  one:\n    cmd", b"\0" * 99])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lock_that_was_cut_is_replaced(project, content, committed):
    whole = (project / "dvc.lock").read_bytes()
    if committed:
        git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org"]
        for command in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-qm", "x"]):
            subprocess.run([*git, *command], cwd=project, check=True)
    (project / "dvc.lock").write_bytes(content)
    (done,) = recover(project)
    assert done.startswith("dvc.lock: was cut when DVC was killed; ")
    assert (project / CUT_LOCK).read_bytes() == content
    assert (project / "dvc.lock").exists() == committed
    assert not committed or (project / "dvc.lock").read_bytes() == whole
    assert recover(project) == []


def test_a_conflict_in_the_lock_is_not_thrown_away(project):
    conflict = b"schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> other\n"
    (project / "dvc.lock").write_bytes(conflict)
    with pytest.raises(InputError, match=r"conflict; take one side.*git checkout HEAD"):
        recover(project)
    assert (project / "dvc.lock").read_bytes() == conflict


@pytest.mark.parametrize("size", [0, 10, len(CONTENT) - 1])
def test_a_cut_file_of_the_cache_is_deleted(project, size):
    cached = project / ".dvc/cache/files/md5" / MD5[:2] / MD5[2:]
    cached.write_bytes(CONTENT[:size])
    cached.chmod(0o444)
    (done,) = recover(project)
    assert done == f"{cached.relative_to(project)}: is cut; deleted, DVC makes it anew"
    assert not cached.exists()


def test_a_cut_file_is_known_after_dvc_took_it_too(project):
    """DVC then writes its size beside the old hash, and what depends on it keeps the old size."""
    cached = project / ".dvc/cache/files/md5" / MD5[:2] / MD5[2:]
    cached.write_bytes(CONTENT[:10])
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"]["one"]["outs"][0]["size"] = 10
    (project / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert len(recover(project)) == 1


def test_while_dvc_lives_its_cache_stays(project, start):
    (project / ".dvc/cache/files/md5" / MD5[:2] / MD5[2:]).write_bytes(CONTENT[:10])
    (project / RUNS / "ab/abc/def").unlink()
    start("dvc", "repro")
    before = state(project)
    assert recover(project) == []
    assert state(project) == before
    assert (project / RUNS / "ab/abc").exists()


def test_a_whole_file_stays_whatever_the_lock_says_of_its_size(project):
    content = (project / "dvc.lock").read_text().replace(f"size: {len(CONTENT)}", "size: 1")
    (project / "dvc.lock").write_text(content)
    before = state(project)
    assert recover(project) == []
    assert state(project) == before


@pytest.mark.parametrize("content", [b"", b"cmd: a\n", b"cmd: a\nouts:\n- path: one.t"])
@pytest.mark.parametrize("others", [0, 1])
def test_a_cut_record_of_a_run_is_deleted(project, content, others):
    run = project / RUNS / "ab/abc/def"
    whole = run.read_bytes()
    run.write_bytes(content)
    for other in range(others):
        run.with_name(f"other{other}").write_bytes(whole)
    assert recover(project) == [f"{RUNS}/ab/abc: held a cut record of a run; deleted"]
    assert not run.exists()
    assert run.parent.exists() == bool(others), "DVC fails at an empty folder"
    assert recover(project) == []


def test_an_empty_folder_for_the_record_of_a_run_is_deleted(project):
    (project / RUNS / "ab/abc/def").unlink()
    assert recover(project) == [f"{RUNS}/ab/abc: held a cut record of a run; deleted"]
    assert not (project / RUNS / "ab/abc").exists()


def test_a_lock_of_git_is_left_to_the_user(project):
    lock = project / ".git/index.lock"
    lock.parent.mkdir()
    lock.touch()
    assert recover(project) == [], "git may be running"
    os.utime(lock, (0, 0))
    (message,) = recover(project)
    assert message.endswith("if no git runs here: rm .git/index.lock")
    assert lock.exists()


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    project = TinyProject(tmp_path_factory.mktemp("killed"), tiny_params(), ("prepare",))
    project.repro()
    project.commit("results")
    return project


def empty_rwlock(folder):
    (folder / RWLOCK).write_bytes(b"")


def empty_lock(folder):
    (folder / "dvc.lock").write_bytes(b"")


def empty_record(folder):
    """Killed between making the folder for the record of a run and writing it."""
    for record in (folder / RUNS).glob("*/*/*"):
        record.unlink()
    (folder / "dvc.lock").unlink()


def cut_cache(folder):
    """With the output gone, DVC would put the cut file in its place."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    (out,) = (
        out
        for out in lock["stages"]["prepare@planted"]["outs"]
        if out["path"] == "data/prepared/planted.h5"
    )
    cached = folder / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
    cached.chmod(0o644)
    cached.write_bytes(cached.read_bytes()[:100])
    cached.chmod(0o444)
    (folder / out["path"]).unlink()


@pytest.mark.parametrize("harm", [empty_rwlock, empty_lock, cut_cache, empty_record])
def test_one_line_brings_a_project_back(reproduced, harm):
    data = reproduced.folder / "data/prepared/planted.h5"
    whole = data.read_bytes()
    harm(reproduced.folder)
    if harm is not cut_cache:
        assert reproduced.run("dvc", "repro", check=False).returncode == 255
    message = reproduced.run("python", "-m", "imbalens", "check").stdout
    assert "deleted" in message or "took the committed one" in message
    ran = {empty_record: {"check", "prepare@planted"}, cut_cache: {"prepare@planted"}}
    assert reproduced.repro() == ran.get(harm, set())
    assert data.read_bytes() == whole
    assert reproduced.git("status", "--porcelain") == ""
