"""Generated dumps of runs beside a baseline: one planted to differ, one not; for stage tests."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.dumps.map_files import MAPS, MAPS_VERSION
from imbalens.store.hdf5 import create
from imbalens.store.prepared import PREPARED, PREPARED_VERSION
from imbalens.tables.cam_alignment import PAIRS
from imbalens.tables.saliency_colours import COLOURS
from tests.tiny import method_of, tiny_params, write_params

BASE, BETTER, NULL, SEED1 = "made-base", "made-better", "made-null", "made-base-seed1"
RUNS = (BASE, BETTER, NULL)
DATASET = "made"
SIZES = {"train": 60, "test": 90}
LABELS = ("Edema", "Mass", "NA")  # the last is text, not a missing value
N_FEATURES, TOP_K = 12, 4
LOSSES = {
    "multiclass": (
        {"name": "ce"},
        {"name": "balanced_softmax"},
        {"name": "logit_adjustment", "tau": 1.0, "post_hoc": False},
    ),
    "multilabel": (
        {"name": "bce"},
        {"name": "focal", "gamma": 2.0, "alpha": 0.25, "scale": 1.0},
        {
            "name": "cb_focal",
            "beta": 0.9999,
            "gamma": 2.0,
            "counts": "global",
            "normalize_weights": False,
            "scale": 1.0,
        },
    ),
}
TASKS = tuple(LOSSES)


def experiment(task, runs=RUNS, *, repeated=(), maps=RUNS, saliency=RUNS):
    """Options for the runs, and for repeats of some of them with another seed."""
    values = tiny_params(("planted-ce",))
    run, dataset = values["runs"]["planted-ce"], values["datasets"]["planted"]
    method = method_of(values, "planted-ce")
    if task == "multilabel":
        source = {"name": "phantom_cxr", "train_images": 60, "test_images": 60, "seed": 0}
        source["task"] = {"name": "multilabel", "include_no_finding": False}
        selection = dataset["imbalance"]["selection"]
        imbalance = {"kind": "natural", "n_max": None, "selection": selection}
        dataset = dataset | {"source": source, "imbalance": imbalance}
    losses = dict(zip(RUNS, LOSSES[task], strict=True))
    values["datasets"] = {DATASET: dataset}
    values["methods"] = {name: method | {"loss": losses[name]} for name in runs}
    values["runs"] = {name: run | {"dataset": DATASET, "method": name} for name in runs}
    for name in repeated:
        values["runs"][f"{name}-seed1"] = values["runs"][name] | {"seed": 1}
    values["focus"], values["false_positives"] = f"{DATASET}/{BASE}", {}
    values["dumps"]["maps"]["runs"] = [name for name in values["runs"] if name in maps]
    coloured = saliency if task == "multiclass" else ()
    values["dumps"]["saliency"]["runs"] = [name for name in values["runs"] if name in coloured]
    values["analyses"]["feature_overlap"]["top_k"] = TOP_K
    values["analyses"]["compare"] |= {"n_resamples": 200, "min_images": 5}
    return values


def draw_members(task):
    """Which classes the images of each split have."""
    rng = np.random.default_rng(0)
    if task == "multiclass":
        return {split: np.eye(3, dtype=bool)[np.arange(n) % 3] for split, n in SIZES.items()}
    return {split: rng.random((n, 3)) < 0.35 for split, n in SIZES.items()}


def write_dump(folder, task, run):
    """Features and scores that lean on the labels.

    In `BETTER` the first class has higher scores and features of its own; `NULL` has the same
    features at another scale and scores that differ a little on the evaluation images; any other
    run but `SEED1` is as `BASE`.
    """
    rng, other = np.random.default_rng(1), np.random.default_rng(2)
    if run == SEED1:
        rng = np.random.default_rng(3)
    members = draw_members(task)
    with create(folder / f"data/dumps/features/{run}.h5", FEATURES, FEATURES_VERSION) as dump:
        dump.attrs.update(about(task) | {"run": run, "loss": "ce", "head": "linear"})
        dump.attrs["logit_scale"] = 1.0
        dump["head/weight"] = np.zeros((3, N_FEATURES), np.float32)
        dump["head/bias"] = dump["head/offset"] = np.zeros(3, np.float32)
        for split, has in members.items():
            features = rng.random((len(has), N_FEATURES)) + 0.5 * has @ np.eye(3, N_FEATURES)
            scores = rng.normal(size=has.shape) + has - 0.5
            scores[has[:, 0], 0] -= 1
            if run == BETTER:
                features[has[:, 0]] = 9 * np.eye(N_FEATURES)[-1] + 0.1 * features[has[:, 0]]
                scores[has[:, 0], 0] += 4
            elif run == NULL:
                features = 2 * features.astype(np.float32)
                scores = scores + 0.2 * (split == "test") * other.normal(size=has.shape)
            dump[f"{split}/features"] = features.astype(np.float32)
            dump[f"{split}/logits"] = scores.astype(np.float32)
            dump[f"{split}/targets"] = as_labels(has, task)
            dump[f"{split}/index"] = np.arange(len(has)) + 7


def write_boxes(folder, task, run):
    """What the stages measured of boxes: brighter maps and more concepts in `BETTER`."""
    has, rng = draw_members(task)["test"], np.random.default_rng([5, *run.encode()])
    noise = 0.3 * (run == BETTER)
    image, classes = np.nonzero(has & (np.arange(len(has))[:, None] < 50))
    base = np.random.default_rng(4).random((2, len(image)))
    iobb = 0.2 * base[0] + noise + 0.02 * rng.normal(size=len(image)) * (run != BASE)
    pairs = {"row": image, "class": np.array(LABELS)[classes], "iobb": iobb}
    pairs["ior"] = np.where(classes == 0, np.nan, base[1])
    counts = {"row": np.unique(image), "class": ""}
    counts["disjoint"] = 50 + np.arange(len(counts["row"])) % 7 + 9 * (run == BETTER)
    counts["unique"] = 10 + np.arange(len(counts["row"])) % 3
    per_pair = {"row": image, "class": pairs["class"], "disjoint": 999, "unique": 999}
    others = [column for column in PAIRS.columns if column.name not in pairs]
    pairs |= {one.name: np.nan if one.kind == "number" else 0 for one in others}
    for stage, table in (
        ("cam_alignment", pd.DataFrame(pairs)[[column.name for column in PAIRS.columns]]),
        ("concepts", pd.concat([pd.DataFrame(counts), pd.DataFrame(per_pair)])),
    ):
        save(folder / f"data/instances/{stage}/{run}.csv", table)


def write_maps(folder, task, run):
    """Maps of 4 by 4 cells of the images with a class; `BETTER` is active in their corner too."""
    has = draw_members(task)["test"][:20]
    image, classes = np.nonzero(has)
    maps = np.random.default_rng(8).random((len(has), 2, 4, 4))
    if run == BETTER:
        maps[:, :, 0, 0] = 3
    with create(folder / f"data/dumps/maps/{run}.h5", MAPS, MAPS_VERSION) as dump:
        dump.attrs.update({"run": run, "split": "test", "network": "cifar_resnet"})
        dump.attrs.update({"class_names": LABELS, "image_size": 8})
        dump["maps"] = maps.astype(np.float32)
        dump["pairs"] = np.column_stack([image, classes])
        dump["head/weight"] = np.ones((3, 2), np.float32)
        dump["head/bias"] = np.zeros(3, np.float32)
        corner = np.broadcast_to([0, 0, 2, 2], (len(image), 4))
        dump["boxes"] = np.column_stack([image, classes, corner])
        dump["row"], dump["index"] = np.arange(len(has)), np.arange(len(has)) + 7


def write_colours(folder, task, run):
    """Shares of the salient colours; the first class has others in `BETTER`."""
    names = (*LABELS, "No Finding") if task == "multilabel" else LABELS
    shares = np.random.default_rng(6).dirichlet(np.ones(len(COLOUR_GROUPS)), len(names))
    if run == BETTER:
        shares[0] = shares[0][::-1]
    rows = [
        (name, part, group, 1, 1.0 if part == "any pixel" else share, 0, 0, 0)
        for part in ("any pixel", "all")
        for name, of_class in zip(names, shares, strict=True)
        for group, share in zip(COLOUR_GROUPS, of_class, strict=True)
    ]
    columns = [column.name for column in COLOURS.columns]
    save(folder / f"plots/saliency_colours/{run}.csv", pd.DataFrame(rows, columns=columns))


def write_prepared(folder, task):
    """Images of noise."""
    rng = np.random.default_rng(0)
    with create(folder / f"data/prepared/{DATASET}.h5", PREPARED, PREPARED_VERSION) as file:
        file.attrs.update(about(task) | {"source": "folder", "n_train": SIZES["train"]})
        file.attrs["mean"], file.attrs["std"] = np.zeros(3), np.ones(3)
        for split, has in draw_members(task).items():
            file[f"{split}/images"] = rng.integers(0, 256, (len(has), 8, 8, 1), dtype=np.uint8)
            file[f"{split}/labels"] = as_labels(has, task)
            file[f"{split}/index"] = np.arange(len(has)) + 7
            file[f"{split}/names"] = [f"{place:03}.png" for place in range(len(has))]


def about(task):
    return {
        "class_names": LABELS,
        "task": task,
        "counts": draw_members(task)["train"].sum(axis=0),
        "splits": list(SIZES),
        "digest": "made up",
    }


def as_labels(has, task):
    return has.argmax(axis=1) if task == "multiclass" else has.astype(np.uint8)


def save(path, table):
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def write_all(folder, task):
    """A folder with everything that the comparing stages read but archetypes and adversaries."""
    write_prepared(folder, task)
    for run in (*RUNS, SEED1):
        write_dump(folder, task, run)
        write_boxes(folder, task, run)
        write_maps(folder, task, run)
        write_colours(folder, task, run)
    write_params(folder, experiment(task, repeated=(BASE,), maps=(*RUNS, SEED1)))


def copy_to(folder, target, monkeypatch: pytest.MonkeyPatch):
    """Make a copy the current folder."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    monkeypatch.chdir(target)
    return target


def change_images(run, *, n=None):
    """Let the features of a run be those of other evaluation images, or of fewer."""
    with h5py.File(f"data/dumps/features/{run}.h5", "r+") as file:
        if n is None:
            file["test/index"][:] = file["test/index"][:][::-1]
            return
        for key in ("features", "logits", "targets", "index"):
            values = file[f"test/{key}"][:n]
            del file[f"test/{key}"]
            file[f"test/{key}"] = values


def written(*folders):
    """Bytes of every file that stands in some folders."""
    files = sorted(path for folder in folders for path in Path(folder).iterdir())
    return {str(path): path.read_bytes() for path in files}
