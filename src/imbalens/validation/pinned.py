"""Every analysis on pinned dumps: small dumps in git, beside what the analyses made of them.

An analysis is arithmetic. On the same dumps it gives the same numbers on any machine, so that a
change of it shows wherever the validation runs, whatever a training came out as there.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from imbalens.errors import InputError
from imbalens.params.analyses import Analyses
from imbalens.params.base import Name, Section
from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.params.errors import listed, refuse, shown_text
from imbalens.params.loading import ANALYSES_PATH, PARAMS_PATH, validate
from imbalens.validation.lock import MADE
from imbalens.validation.repository import run
from imbalens.validation.rules import FOLDER, Closeness
from imbalens.validation.values import COMPARED, Difference, find_differences, read_values

EXPERIMENT = FOLDER / "params.yaml"
DUMPS = FOLDER / "dumps"
RESULTS = FOLDER / "results"
# what the analyses are given; weights are made on the way to the dumps, and not kept
GIVEN = ("data/prepared", "data/dumps", "metrics/prepare", "metrics/train", "plots/train")
OUTPUTS = ("metrics", "plots", "data/instances")
# of a page written by reports/explore: what its figures and lists are made of
PAGE_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
MAX_BYTES = 6_000_000
SMALLEST_COMPRESSED = 1024  # bytes
SHAKEN_BY = 1e-6  # about eight steps of single precision
SHAKEN = Closeness(relative=0.02, absolute=0.02)


class _Sets(Section):
    """Sets of results: what each changes of sections of analyses.yaml."""

    analyses: dict[Name, dict[str, dict[str, Any]]]


def read_experiments(root: Path) -> dict[str, dict[str, Any]]:
    """Return the pinned experiment once per set of results.

    The analyses are the project's own, with the changes that the set names: a changed choice in
    analyses.yaml changes the pinned results.

    Returns:
        Set to contents of a params.yaml, those of an analyses.yaml under `analyses`.

    Raises:
        InputError: if one of the files does not hold that.
    """
    path = root / EXPERIMENT
    problems: list[str] = []
    pinned, project = read_yaml(path), read_yaml(root / ANALYSES_PATH)
    given = (
        {key: pinned[key] for key in pinned if key == "analyses"}
        if isinstance(pinned, dict)
        else pinned
    )
    sets = validate(given, _Sets, path, problems)
    validate(project, Analyses, root / ANALYSES_PATH, problems)
    if sets is None or problems:
        raise refuse(problems)
    for name, changes in sets.analyses.items():
        if unknown := changes.keys() - project.keys():
            keys = listed(map(shown_text, unknown))
            raise InputError(f"{path}: analyses.{name}: unknown keys {keys}")
    return {
        name: pinned
        | {"analyses": {key: own | changes.get(key, {}) for key, own in project.items()}}
        for name, changes in sets.analyses.items()
    }


def compute_results(root: Path, into: Path, *, shaken: bool = False) -> None:
    """Run all analyses of the code in `root` on its pinned dumps.

    Args:
        root: Folder of the repository.
        into: Where to write, one folder per set of results.
        shaken: Whether to change the dumps by a rounding error first.

    Raises:
        InputError: if an analysis fails; it says which.
    """
    experiments = read_experiments(root)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(experiments)) as pool:
        done = [
            pool.submit(_analyse, root, values, Path(folder) / name, into / name, shaken=shaken)
            for name, values in experiments.items()
        ]
        for each in done:
            each.result()


def _analyse(
    root: Path, values: Mapping[str, Any], workspace: Path, into: Path, *, shaken: bool
) -> None:
    _lay_out(values, workspace)
    for place in GIVEN:
        shutil.copytree(root / DUMPS / place, workspace / place)
    if shaken:
        for path in sorted((workspace / "data/dumps").rglob("*.h5")):
            _shake(path)
    _run_stages(root, values, workspace, "judge")
    for top in OUTPUTS:
        for path in sorted((workspace / top).rglob("*.*")):
            target = into / path.relative_to(workspace)
            if path.relative_to(workspace).as_posix().startswith(GIVEN):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in COMPARED:
                shutil.copy(path, target)
            elif data := PAGE_DATA.search(path.read_text(encoding="utf-8", errors="replace")):
                target.with_suffix(".page.json").write_text(data[1], encoding="utf-8")


def _lay_out(values: Mapping[str, Any], workspace: Path) -> None:
    workspace.mkdir(parents=True)
    experiment = {key: value for key, value in values.items() if key != "analyses"}
    for path, content in ((PARAMS_PATH, experiment), (ANALYSES_PATH, values["analyses"])):
        (workspace / path).write_text(format_yaml(content), encoding="utf-8")


def _run_stages(root: Path, values: Mapping[str, Any], workspace: Path, kind: str) -> None:
    stages = list_stages(read_yaml(root / "dvc.yaml"), values, kind)
    module = "imbalens.validation.analyse"
    command = [sys.executable, "-m", module, str(root.resolve()), *stages]
    result = run(command, root, within=workspace, check=False)
    if result.returncode:
        stage = (result.stdout.splitlines() or ["before any stage"])[-1]
        raise InputError(
            f"{root / EXPERIMENT}: {stage} fails on the pinned dumps:\n{result.stderr.strip()}"
        )


def _shake(path: Path) -> None:
    """Change every float of a dump by up to `SHAKEN_BY` of itself."""
    generator = np.random.default_rng(0)

    def change(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            noise = generator.uniform(-SHAKEN_BY, SHAKEN_BY, item.shape)
            item[...] = (item[...] * (1 + noise)).astype(item.dtype)

    with h5py.File(path, "r+") as file:
        file.visititems(change)


def list_stages(
    pipeline: Mapping[str, Any], params: Mapping[str, Any], kind: str
) -> Iterator[str]:
    """Yield stages as DVC names them, in the order of dvc.yaml.

    Args:
        pipeline: Contents of dvc.yaml.
        params: Contents of params.yaml.
        kind: `make` for the stages that write data, weights or dumps, `judge` for all others
            that write something that git keeps.
    """
    for name, stage in pipeline["stages"].items():
        body = stage.get("do", stage)
        outputs = [out for key in ("outs", "metrics", "plots") for out in body.get(key, [])]
        made = any(str(out).startswith(MADE) for out in outputs)
        kept = any(isinstance(out, dict) for out in outputs)  # `cache: false`, see test_dvc_yaml
        if not (made if kind == "make" else kept and not made):
            continue
        if "foreach" not in stage:
            yield name
            continue
        items: Any = params
        for key in re.sub(r"[${}]", "", stage["foreach"]).split("."):
            items = items[key]
        yield from (f"{name}@{item}" for item in items)


def check_pinned(root: Path, closeness: Closeness) -> tuple[int, list[Difference]]:
    """Compute the pinned results anew.

    Returns:
        How many values are kept, and where those computed now differ.

    Raises:
        InputError: if an analysis fails, or nothing is pinned.
    """
    kept = read_values(root / RESULTS)
    if not kept:
        raise InputError(f"{root / RESULTS} is empty; write it with: imbalens validate pin")
    with tempfile.TemporaryDirectory() as folder:
        compute_results(root, Path(folder))
        return len(kept), find_differences(
            kept,
            read_values(Path(folder)),
            relative=closeness.relative,
            absolute=closeness.absolute,
        )


def pin(root: Path, *, dumps: bool) -> list[Difference]:
    """Write the pinned results anew, and the dumps before if asked for.

    Args:
        root: Folder of the repository.
        dumps: Whether to train the pinned experiment's networks and dump them anew.

    Returns:
        What changed.

    Raises:
        InputError: if a rounding error of the dumps would change a count, a verdict or any other
            text, or the dumps are too large; nothing is written then.
    """
    before = read_values(root / RESULTS)
    with tempfile.TemporaryDirectory() as folder:
        if dumps:
            make_dumps(root, Path(folder) / "dumps")
            shutil.rmtree(root / DUMPS, ignore_errors=True)
            shutil.copytree(Path(folder) / "dumps", root / DUMPS)
        results, shaken = Path(folder) / "results", Path(folder) / "shaken"
        compute_results(root, results)
        compute_results(root, shaken, shaken=True)
        now = read_values(results)
        ties = find_differences(
            now, read_values(shaken), relative=SHAKEN.relative, absolute=SHAKEN.absolute
        )
        if ties:
            listed = "\n".join(f"  {tie.place}: {tie.before} or {tie.now}" for tie in ties[:20])
            raise InputError(
                f"{root / DUMPS}: a change of the dumps by {SHAKEN_BY:g} of themselves changes "
                f"{len(ties)} results, so that they differ between machines; choose other seeds "
                f"in {EXPERIMENT} and run with --dumps:\n{listed}"
            )
        shutil.rmtree(root / RESULTS, ignore_errors=True)
        shutil.copytree(results, root / RESULTS)
    return find_differences(before, now, relative=0.0, absolute=0.0)


def make_dumps(root: Path, into: Path) -> None:
    """Train the pinned experiment's networks and keep their dumps, compressed.

    Raises:
        InputError: if they are larger than `MAX_BYTES` together.
    """
    workspace = into.with_name("training")
    values = next(iter(read_experiments(root).values()))
    _lay_out(values, workspace)
    _run_stages(root, values, workspace, "make")
    for place in GIVEN:
        for path in sorted((workspace / place).rglob("*.*")):
            target = into / path.relative_to(workspace)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".h5":
                _compress(path, target)
            else:
                shutil.copy(path, target)
    size = sum(path.stat().st_size for path in into.rglob("*.*"))
    if size > MAX_BYTES:
        raise InputError(f"{EXPERIMENT}: its dumps have {size:,} bytes; allowed: {MAX_BYTES:,}")


def _compress(source: Path, target: Path) -> None:
    """Copy an HDF5 file with its datasets compressed; what they hold and their chunks stay."""
    with h5py.File(source, "r") as old, h5py.File(target, "w", libver="v108") as new:
        new.attrs.update(old.attrs)

        def copy(name: str, item: object) -> None:
            if isinstance(item, h5py.Group):
                new.create_group(name).attrs.update(item.attrs)
            elif isinstance(item, h5py.Dataset):
                options = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
                small = item.dtype.kind == "O" or item.nbytes < SMALLEST_COMPRESSED
                new.create_dataset(
                    name,
                    data=item[()],
                    dtype=item.dtype,
                    track_times=False,
                    **({} if small else {**options, "chunks": item.chunks or True}),
                ).attrs.update(item.attrs)

        old.visititems(copy)
