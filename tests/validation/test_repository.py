import subprocess

import pytest

from imbalens.errors import InputError
from imbalens.validation.repository import changed_paths, find_base, kept_results, unpack


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits on main, then one on a branch beside a further one on origin/main."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for number in range(2):
        commit(tmp_path, f"metrics/{number}.json")
    git(tmp_path, "checkout", "--quiet", "-b", "branch")
    commit(tmp_path, "validation/rules.yaml")
    git(tmp_path, "checkout", "--quiet", "main")
    commit(tmp_path, "metrics/later.json")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "main")
    git(tmp_path, "checkout", "--quiet", "branch")
    return tmp_path


def git(folder, *arguments):
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments]
    result = subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8")
    return result.stdout.strip()


def commit(folder, path):
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(f"{path}\n", encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", path)


def test_the_base_of_a_pull_request_is_where_the_branch_began(repository, monkeypatch):
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert find_base(repository) == git(repository, "rev-parse", "origin/main~1")


def test_the_base_is_else_the_first_parent(repository):
    assert find_base(repository) == git(repository, "rev-parse", "HEAD~1")
    git(repository, "checkout", "--quiet", "main~2")
    assert find_base(repository) is None


def test_a_base_that_is_not_there_is_an_error(repository, monkeypatch):
    monkeypatch.setenv("GITHUB_BASE_REF", "gone")
    with pytest.raises(InputError, match=r"origin/gone.*fetch-depth: 0"):
        find_base(repository)


def test_of_a_commit_only_rules_and_results_are_unpacked(repository):
    commit(repository, "src/a.py")
    unpack(repository, "HEAD", repository / "base")
    found = {p.name for p in (repository / "base").rglob("*.*") if p.suffix != ".zip"}
    assert found == {"0.json", "1.json", "rules.yaml"}
    unpack(repository, "main~2", repository / "first")
    assert (repository / "first/metrics/0.json").exists()
    assert not (repository / "first/validation").exists()


def test_what_git_keeps_and_what_changed(repository):
    (repository / "metrics/untracked.json").write_text("{}", encoding="utf-8")
    assert kept_results(repository) == ["metrics/0.json", "metrics/1.json"]
    assert changed_paths(repository, "HEAD~1", ["validation", "metrics"]) == [
        "validation/rules.yaml"
    ]
