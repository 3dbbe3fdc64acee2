"""Features and predictions of others, made up, for tests of the pipeline without a network."""

import importlib

import numpy as np

from tests.tiny import tiny_params, write_params

DATASET, SEEDS = "given", (0, 1)
SIZES = {"train": 60, "test": 45}
N_FEATURES = 12
OF_RUNS = (
    "trained_code",
    "train",
    "dump_features",
    "performance",
    "archetypes",
    "adversaries",
    "feature_overlap",
)
OF_DATASETS = ("gather", "compare", "explore", "differences", "changes", "claims")


def outputs(task, seed, *, better=False):
    """By split features, logits, labels and patients of two images each; three classes."""
    found = {}
    for split, n in SIZES.items():
        fixed = np.random.default_rng(0 if split == "train" else 1)
        rng = np.random.default_rng([seed, better, n])
        if task == "multiclass":
            labels = np.arange(n) % 3
            has = np.eye(3, dtype=bool)[labels]
        else:
            has = fixed.random((n, 3)) < 0.4
            labels = has.astype(np.uint8)
        features = rng.random((n, N_FEATURES)) + 0.5 * has @ np.eye(3, N_FEATURES)
        logits = rng.normal(size=has.shape) + (2 if better else 1) * has - 0.5
        found[split] = {
            "features": features.astype(np.float32),
            "logits": logits.astype(np.float32),
            "labels": labels,
            "group": np.arange(n) // 2 + (1000 if split == "test" else 0),
        }
    return found


def save_npz(path, found, *, keys, splits=("train", "test")):
    """Write some arrays of some splits, `split_key`."""
    np.savez(
        path,
        **{f"{split}_{key}": found[split][key] for split in splits for key in keys},
    )


def experiment(folder, task, *, source=None, files=None, seeds=SEEDS):
    """Two methods of several seeds, each with files of their own, on a dataset without images."""
    values = tiny_params(("planted-ce",))
    kind = {"name": "ce"} if task == "multiclass" else {"name": "bce"}
    other = {"name": "balanced_softmax"} if task == "multiclass" else values_of_wbce()
    values["datasets"] = {
        DATASET: {
            "source": {
                "name": "features",
                "file": str(folder / "base_0.npz"),
                "task": task,
                "digest": None,
                **(source or {}),
            },
            "image_size": None,
            "imbalance": {
                "kind": "natural",
                "n_max": None,
                "selection": {"name": "seeded", "seed": 0},
            },
        }
    }
    files = files or {"base": "base_{seed}.npz", "better": "better_{seed}.npz"}
    losses = {"base": kind, "better": other}
    values["methods"] = {
        name: {
            "model": {"name": "given", "file": file and str(folder / file)},
            "loss": losses[name],
        }
        for name, file in files.items()
    }
    values["recipes"] = {"none": {}}
    values["runs"] = {
        f"{name}-{seed}": {"method": name, "dataset": DATASET, "recipe": "none", "seed": seed}
        for name in files
        for seed in seeds
    }
    values["dumps"]["maps"]["runs"] = values["dumps"]["saliency"]["runs"] = []
    values["focus"], values["false_positives"] = f"{DATASET}/{next(iter(files))}", {}
    values["analyses"]["feature_overlap"]["top_k"] = 4
    return values


def values_of_wbce():
    return {"name": "wbce", "counts": "global", "unit_negatives": False}


def run_all(folder, values, patch):
    """Run every stage of an experiment in a folder."""
    patch.chdir(folder)
    write_params(folder, values)
    run("check")
    run("prepare", DATASET)
    for name in values["runs"]:
        for stage in OF_RUNS:
            run(stage, name)
    for stage in OF_DATASETS:
        run(stage, DATASET)
    run("summary")
    run("report")
    run("focus")


def run(stage, *names):
    importlib.import_module(f"stages.{stage}").main([*names])
