"""A tiny copy of the project, with its own git and DVC repository, for tests end to end."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from imbalens.params.dvc_yaml import format_yaml, read_yaml

ROOT = Path(__file__).parent.parent
RUNS = ("planted-ce", "planted-ldam_drw")
LABEL_RUNS = ("phantom-bce", "phantom-cb_focal")


def tiny_params(runs: tuple[str, ...] = RUNS) -> dict[str, Any]:
    """The shipped experiment, shrunk to seconds: some runs, and only what they need.

    What analyses.yaml holds stands under `analyses`.
    """
    values = read_values(ROOT)
    planted, phantom = values["datasets"]["planted"], values["datasets"]["phantom"]
    planted["source"] |= {"train_per_class": 24, "test_per_class": 6}
    planted["imbalance"] |= {"ratio": 3, "n_max": 24}
    phantom["source"] |= {"train_images": 40, "test_images": 16}
    phantom["image_size"] = 32
    values["recipes"]["quick"] |= {"epochs": 2, "batch_size": 32}
    values["recipes"]["quick_cxr"] |= {"epochs": 2, "batch_size": 20}
    values["runs"] = {name: values["runs"][name] for name in runs}
    if "ldam_drw" in {run["method"] for run in values["runs"].values()}:
        values["methods"]["ldam_drw"]["drw"] = {"start_epoch": 1, "beta": 0.99}
    for section, key in (("datasets", "dataset"), ("methods", "method"), ("recipes", "recipe")):
        used = {run[key] for run in values["runs"].values()}
        values[section] = {name: item for name, item in values[section].items() if name in used}
    saliency = values["dumps"]["saliency"]
    saliency["runs"] = [name for name in saliency["runs"] if name in runs]
    values["dumps"]["maps"]["runs"] = list(runs)
    values["baselines"] = []
    values["false_positives"] = {
        name: pair
        for name, pair in values["false_positives"].items()
        if {pair["baseline"], pair["other"]} <= set(runs)
    }
    analyses = values["analyses"]
    analyses["compare"] |= {"n_resamples": 100, "min_images": 5}
    analyses["claims"]["n_resamples"] = 100
    values["focus"] = setting_name(values, runs[0])
    return values


def setting_name(values: Mapping[str, Any], run: str) -> str:
    """What a run's setting is called, where its method has one recipe on its dataset."""
    return f"{values['runs'][run]['dataset']}/{values['runs'][run]['method']}"


def method_of(values: Mapping[str, Any], run: str) -> dict[str, Any]:
    """The method of a run, to be changed in place."""
    return values["methods"][values["runs"][run]["method"]]


def vary(values: Mapping[str, Any], name: str, like: str, **changes: Any) -> None:
    """Add a run like another, of a method like its own but for some changes."""
    values["methods"][name] = method_of(values, like) | changes
    values["runs"][name] = values["runs"][like] | {"method": name}


def read_values(folder: Path) -> dict[str, Any]:
    """What params.yaml holds, and analyses.yaml under `analyses`."""
    read = {name: read_yaml(folder / f"{name}.yaml") for name in ("params", "analyses")}
    return read["params"] | {"analyses": read["analyses"]}


def without_repeats(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out further seeds of the shipped runs: each method then has one training."""
    runs = {name: run for name, run in values["runs"].items() if run["seed"] == 0}
    maps = values["dumps"]["maps"]
    mapped = {**maps, "runs": [run for run in maps["runs"] if run in runs]}
    return {**values, "runs": runs, "dumps": {**values["dumps"], "maps": mapped}}


def write_params(folder: Path, values: Mapping[str, Any]) -> None:
    """Write params.yaml and analyses.yaml."""
    experiment = {key: value for key, value in values.items() if key != "analyses"}
    for name, content in (("params", experiment), ("analyses", values["analyses"])):
        text = format_yaml(content)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def find_stages_run(output: str) -> set[str]:
    """Return the names of the stages that ran, from what DVC said."""
    return set(re.findall(r"Running stage '([^']+)'", output))


def call_stage(_shell: str, command: str, **_: object) -> None:
    """Do what `python stages/NAME.py ARGUMENTS` does."""
    _, script, *arguments = command.split()
    importlib.import_module(f"stages.{Path(script).stem}").main(arguments)


@contextmanager
def modify_lock(path: str, **_: object) -> Iterator[dict[str, Any]]:
    """Write dvc.lock as JSON, which is YAML too: after each stage DVC's own way takes a second."""
    lock = Path(path)
    content = json.loads(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    yield content
    lock.write_text(json.dumps(content, indent=1), encoding="utf-8")


class TinyProject:
    """A folder with the project's code, where commands run: all stages, or `check` and some.

    With a `cache` that others use too, DVC takes from it what one of them computed.
    """

    def __init__(
        self,
        folder: Path,
        values: Mapping[str, Any],
        stages: Sequence[str] | None = None,
        cache: Path | None = None,
    ) -> None:
        self.folder = folder
        for name in ("src", "stages", "networks"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for name in ("dvc.yaml", ".gitignore", ".dvcignore"):
            shutil.copy(ROOT / name, folder / name)
        for name in ("config", ".gitignore"):
            (folder / ".dvc").mkdir(exist_ok=True)
            shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
        shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
        if cache:  # in a file that git ignores: clones have a cache of their own
            local = folder / ".dvc/config.local"
            local.write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")
        for keep in (*ROOT.glob("metrics/*/.gitkeep"), *ROOT.glob("plots/*/.gitkeep")):
            place = folder / keep.relative_to(ROOT)
            place.parent.mkdir(parents=True)
            shutil.copy(keep, place)
        if stages:
            pipeline = read_yaml(folder / "dvc.yaml")
            of_stages = {name: pipeline["stages"][name] for name in ("check", *stages)}
            (folder / "dvc.yaml").write_text(
                format_yaml({**pipeline, "stages": of_stages}), encoding="utf-8"
            )
        write_params(folder, values)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.org")
        self.commit("start")

    @property
    def path(self) -> str:
        """PATH on which `dvc` and `python` are those that run the tests."""
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": self.path,
            "PYTHONPATH": str(self.folder / "src"),
            "DVC_NO_ANALYTICS": "1",
        }
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if check:
            assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def repro(self, *arguments: str) -> set[str]:
        """Reproduce; return the names of the stages that ran."""
        return find_stages_run(self.run("dvc", "repro", *arguments).stdout)

    def repro_here(self, *targets: str) -> set[str]:
        """Reproduce as `repro` does, with stages called in this process: it has loaded all.

        What other projects have computed is computed again.
        """
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in processes of their own
            patch.chdir(self.folder)
            patch.setattr("dvc.stage.run._run", call_stage)
            patch.setattr("dvc.dvcfile.modify_yaml", modify_lock)
            with Repo(str(self.folder)) as repo:
                ran = repo.reproduce(targets or None, run_cache=False)
        return {stage.addressing for stage in ran}

    def change(self, edit) -> None:
        """Edit the values of params.yaml, or of analyses.yaml under `analyses`, in place."""
        values = read_values(self.folder)
        edit(values)
        write_params(self.folder, values)
