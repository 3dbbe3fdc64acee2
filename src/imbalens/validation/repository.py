"""Clones of a repository: as it is kept in git, computed anew, and what it is compared with."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.validation.lock import LOCK

UP_TO_DATE = "Data and pipelines are up to date"
NO_RESULTS = (".gitkeep", "README.md")
KEPT = ("metrics", "plots")
# what the base says of the rules and the results that a change is compared with
OF_BASE = ("validation", "metrics", LOCK.as_posix())


def run(
    command: Sequence[str],
    folder: Path,
    *,
    within: Path | None = None,
    check: bool = True,
    show: bool = False,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command on the code of a folder, not on the installed one.

    Args:
        command: Program and arguments.
        folder: A clone; the command's current folder, unless one is named.
        within: The command's current folder.
        check: Whether a failure is an error.
        show: Whether to send all output to standard error instead of returning it.
        environment: Variables to add.

    Raises:
        InputError: if it fails and `check` is set.
    """
    variables = {**os.environ, "PYTHONPATH": str(folder.resolve() / "src"), "PYTHONUTF8": "1"}
    output = (2, None) if show else (subprocess.PIPE, subprocess.PIPE)  # 2: standard error
    result = subprocess.run(
        command,
        cwd=within or folder,
        env=variables | dict(environment or {}),
        encoding="utf-8",
        check=False,
        stdout=output[0],
        stderr=output[1],
    )
    if check and result.returncode:
        raise InputError(
            f"`{' '.join(command)}` failed with exit status {result.returncode}\n"
            f"{result.stderr or ''}"
        )
    return result


def clone(repository: Path, into: Path) -> None:
    """Clone HEAD, without data; what names could make a shell do is checked before any command.

    Raises:
        InputError: if params.yaml is not valid.
    """
    run(["git", "clone", "--quiet", str(repository.resolve()), str(into)], repository)
    load_params(into / PARAMS_PATH)


def find_staleness(folder: Path) -> str:
    """Return what DVC would have to run again in a clone, empty if dvc.lock belongs to it."""
    gate = run(["dvc", "repro", "--dry", "--allow-missing"], folder, check=False)
    said = gate.stdout.strip().splitlines()[-1:]  # commands, which hold anything, stand before
    is_fresh = gate.returncode == 0 and said == [f"{UP_TO_DATE}."]
    return "" if is_fresh else (gate.stdout + gate.stderr).strip()


def recompute(folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
    """Compute all results of a clone anew; what no stage writes is gone then."""
    for kept in KEPT:
        for path in (folder / kept).rglob("*.*"):
            if path.name not in NO_RESULTS and path.is_file():
                path.unlink()
    (folder / LOCK).unlink(missing_ok=True)
    command = ["dvc", "repro", "--force", "--no-run-cache"]
    run(command, folder, show=True, environment=environment)


def kept_results(folder: Path) -> list[str]:
    """Return the paths of all results that git keeps."""
    listed = run(["git", "ls-files", "-z", *KEPT], folder).stdout.split("\0")
    return [path for path in listed if path and Path(path).name not in NO_RESULTS]


def find_base(repository: Path) -> str | None:
    """Return the commit that HEAD is compared with; None if HEAD is the first one.

    On a pull request that is the merge base with `$GITHUB_BASE_REF`, else HEAD's first parent.

    Raises:
        InputError: if the branch of a pull request, or the parent, is not in this clone.
    """
    branch = os.environ.get("GITHUB_BASE_REF")
    command = ["git", "merge-base", f"origin/{branch}", "HEAD"]
    if not branch:
        command = ["git", "rev-parse", "--verify", "--quiet", "HEAD^1"]
    found = run(command, repository, check=False)
    shallow = run(["git", "rev-parse", "--is-shallow-repository"], repository).stdout.strip()
    if found.returncode and not branch and shallow == "true":
        raise InputError("HEAD's parent is not in this shallow clone; run: git fetch --unshallow")
    if branch and found.returncode:
        raise InputError(
            f"$GITHUB_BASE_REF: origin/{branch} and HEAD have no common commit here; "
            "fetch the whole history (fetch-depth: 0)"
        )
    return found.stdout.strip() or None


def unpack(repository: Path, revision: str, into: Path) -> None:
    """Write the rules and results of a commit into a folder, as far as it has them."""
    into.mkdir(parents=True)
    there = run(["git", "ls-tree", "--name-only", revision], repository).stdout.split("\n")
    paths = [path for path in OF_BASE if path in there]
    if paths:
        archive = into / "base.zip"
        command = ["git", "archive", "--output", str(archive.resolve()), revision, *paths]
        run(command, repository)
        shutil.unpack_archive(archive, into)


def changed_paths(repository: Path, revision: str, paths: Sequence[str]) -> list[str]:
    """Return the files among `paths` that HEAD changes against a commit."""
    command = ["git", "diff", "--name-only", "-z", "--no-renames", revision, "HEAD", "--", *paths]
    return [path for path in run(command, repository).stdout.split("\0") if path]
