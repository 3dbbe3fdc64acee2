import copy

import pytest
import yaml

from imbalens.commands.prune import main
from imbalens.errors import InputError
from imbalens.pruning import delete_leftovers, find_leftovers
from tests.tiny import TinyProject, tiny_params

GONE, KEPT = "planted-ldam_drw", "planted-ce"


@pytest.fixture(scope="module")
def project(tmp_path_factory, dvc_cache):
    """Two trained runs, of which params.yaml then loses one."""
    values = tiny_params((KEPT, GONE))
    stages = ("prepare", "trained_code", "train")
    project = TinyProject(tmp_path_factory.mktemp("pruning"), values, stages, dvc_cache)
    project.repro()
    project.commit("two runs")
    project.change(lambda values: values["runs"].pop(GONE))
    project.change(lambda values: values["dumps"]["saliency"].update(runs=[KEPT]))
    project.change(lambda values: values["dumps"]["maps"].update(runs=[KEPT]))
    project.change(lambda values: values.update(false_positives={}))
    return project


def files_of(run, project):
    return {
        path.relative_to(project.folder).as_posix()
        for folder in ("data", "metrics", "plots")
        for path in (project.folder / folder).rglob(f"{run}.*")
    }


def test_what_a_removed_run_left_is_found_and_deleted(project, monkeypatch, capsys):
    monkeypatch.chdir(project.folder)
    lock = yaml.safe_load((project.folder / "dvc.lock").read_text())
    of_kept = files_of(KEPT, project)
    leftovers = find_leftovers(project.folder)
    assert set(leftovers) == {f"trained_code@{GONE}", f"train@{GONE}"}
    assert {path for paths in leftovers.values() for path in paths} == files_of(GONE, project)
    assert len(leftovers[f"train@{GONE}"]) == 3, "weights, metrics, history"

    main([])
    assert "imbalens prune --delete" in capsys.readouterr().out
    assert find_leftovers(project.folder) == leftovers, "listing deletes nothing"

    main(["--delete"])
    assert files_of(GONE, project) == set()
    assert files_of(KEPT, project) == of_kept
    for stage in leftovers:
        del lock["stages"][stage]
    assert yaml.safe_load((project.folder / "dvc.lock").read_text()) == lock
    assert project.repro() == {"check"}, "what is left is up to date"
    main(["--delete"])
    assert "nothing is left over" in capsys.readouterr().out


def test_a_file_that_another_stage_writes_now_stays(project):
    """A stage under another name writes what the one that is gone wrote."""
    lock_path = project.folder / "dvc.lock"
    lock = yaml.safe_load(lock_path.read_text())
    lock["stages"]["train_old"] = copy.deepcopy(lock["stages"][f"train@{KEPT}"])
    lock_path.write_text(yaml.safe_dump(lock))
    of_kept = files_of(KEPT, project)
    leftovers = find_leftovers(project.folder)
    assert leftovers == {"train_old": []}
    delete_leftovers(project.folder, leftovers)
    assert files_of(KEPT, project) == of_kept


def test_without_a_lock_there_is_nothing_to_prune(tmp_path):
    with pytest.raises(InputError, match=r"dvc\.lock is missing.*dvc repro"):
        find_leftovers(tmp_path)


@pytest.fixture
def locked(project):
    """Change what dvc.lock says."""
    lock = project.folder / "dvc.lock"
    before = lock.read_bytes()
    yield lambda text: lock.write_text(text, encoding="utf-8")
    lock.write_bytes(before)


@pytest.mark.parametrize(
    "path", ["{mine}", "{up}{mine}", "..", ".", "data/../..", "out/mine.txt", ".git"]
)
def test_a_lock_that_names_files_outside_the_project_deletes_nothing(
    project, locked, tmp_path, path
):
    mine, link = tmp_path / "mine.txt", project.folder / "out"
    mine.write_text("mine", encoding="utf-8")
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path)
    up = "/".join([".."] * (len(project.folder.parts) - 1))
    named = path.format(mine=mine.as_posix(), up=up)
    assert (project.folder / named).exists()
    stage = {"cmd": "python x.py", "outs": [{"path": named}]}
    locked(yaml.safe_dump({"schema": "2.0", "stages": {"gone": stage}}))
    with pytest.raises(InputError, match=r"dvc\.lock: found .*; allowed: files of the project"):
        find_leftovers(project.folder)


@pytest.mark.parametrize("text", ["", "schema: '2.0'\nstages:\n  gone:\n    cm", "[[["])
def test_a_damaged_lock_is_named(project, locked, text):
    locked(text)
    with pytest.raises(InputError, match=r"dvc\.lock is damaged; run: imbalens check"):
        find_leftovers(project.folder)
