"""Experiments and rules by hand, for the tests of validation."""

import subprocess

import yaml

from imbalens.params.loading import load_params
from imbalens.validation.rules import Closeness, Rules
from tests.tiny import RUNS, tiny_params, write_params

CE, LDAM = RUNS


def params_of(folder, runs=RUNS):
    write_params(folder, tiny_params(runs))
    return load_params(folder / "params.yaml")


def rules_of(headlines, *, candidates=(), multiple=1.5):
    return Rules(
        pinned=Closeness(relative=1e-6, absolute=1e-7),
        multiple=multiple,
        candidates=tuple(candidates),
        headlines=headlines,
        too_wide={},
    )


def metrics_of(**measures):
    """`stage__key=(of CE, of LDAM)` as values of metrics."""
    found = {}
    for name, values in measures.items():
        stage, _, key = name.partition("__")
        for run, value in zip(RUNS, values, strict=True):
            found[f"{stage}/{run}.json:{key.replace('__', '.')}"] = value
    return found


def write_lock(folder, stages):
    """Write a dvc.lock; `stages` is name to (inputs, outputs), each path to hash."""
    locked = {
        name: {
            "deps": [{"path": path, "md5": md5} for path, md5 in deps.items()],
            "outs": [{"path": path, "md5": md5} for path, md5 in outs.items()],
        }
        for name, (deps, outs) in stages.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"schema": "2.0", "stages": locked})
    (folder / "dvc.lock").write_text(text, encoding="utf-8")


def commit_all(folder):
    commands = (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-q", "-m", "results"],
    )
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True)
