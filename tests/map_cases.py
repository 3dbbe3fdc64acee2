"""Small networks whose maps are dumped, for the tests of what follows from maps."""

import json
from pathlib import Path

import h5py
import numpy as np

from tests.tiny import LABEL_RUNS, RUNS, method_of, tiny_params

ALL = (*RUNS, LABEL_RUNS[0])
CE, LDAM, BCE = ALL
DATASETS = {CE: "planted", LDAM: "planted", BCE: "phantom"}
SOFT = {"relu": True, "normalize_before_resize": False, "threshold": None}
HARD = {"relu": False, "normalize_before_resize": True, "threshold": 0.4}


SEED, EXAMPLES, MATCHED_SHARE = 3, 6, 0.2


def experiment(**alignment):
    """Small networks, and options of `cam_alignment`."""
    values = tiny_params(ALL)
    method_of(values, BCE)["model"] = {"name": "resnet8"}
    fixed = SOFT | {"shift_seed": SEED, "examples": EXAMPLES, "matched_share": MATCHED_SHARE}
    values["analyses"]["cam_alignment"] = fixed | alignment
    return values


def write_metrics(stage, name, values):
    path = Path(f"metrics/{stage}/{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def made_up_performance(name):
    if name == BCE:
        each = {"auroc": 0.75, "ap": None, "probability_positives": 0.25}
        return each | {"ece": 0.1, "class": {"Edema": each, "Mass": each}}
    values = {"red": 0.5, "green": None}
    return {"accuracy": 0.5 if name == CE else 0.25, "recall": values, "precision": values}


def read_cams(path, *, untrained):
    """The class activation map of each pair of an image and a class, in their order."""
    with h5py.File(path) as file:
        if untrained:
            return file["untrained_cams"][:]
        weights, maps = file["head/weight"][:], file["maps"][:]
        return [
            sum(w * one for w, one in zip(weights[label], maps[image], strict=True))
            for image, label in file["pairs"][:]
        ]


def union_of(boxes, image, label, size):
    """Pixels inside any box of the image and class."""
    mask = np.zeros((size, size), dtype=bool)
    for _, _, x, y, w, h in boxes[(boxes[:, :2] == (image, label)).all(1)].tolist():
        mask[y : y + h, x : x + w] = True
    return mask
