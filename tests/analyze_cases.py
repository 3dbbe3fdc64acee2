"""Features, labels and predictions of pinned dumps, and of a few made-up birds."""

import numpy as np

from imbalens.dumps.files import read_features
from imbalens.validation.pinned import DUMPS
from tests.tiny import ROOT

BIRDS = ("coot", "grebe", "heron")


def birds(n=60, seed=0):
    """What `analyze` can be given of images of three birds, the last of which is rare."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(3), [n // 2, n // 2 - n // 10, n // 10])
    features = np.eye(3, 12)[codes] * 2 + rng.normal(size=(n, 12))
    return {
        "features": features,
        "labels": codes,
        "logits": 2 * np.eye(3)[codes] + rng.normal(size=(n, 3)),
        "split": np.where(np.arange(n) % 4 == 0, "test", "train"),
        "names": BIRDS,
    }


def of_dump(run, decision):
    """The same of a pinned dump, training images first; and how many of these there are."""
    path = ROOT / DUMPS / f"data/dumps/features/{run}.h5"
    dump = read_features(path, ["train", "test"], decision=decision)
    parts = [dump.splits[split] for split in ("train", "test")]
    given = {
        "features": np.concatenate([part.features for part in parts]),
        "labels": np.concatenate([part.targets for part in parts]),
        "logits": np.concatenate([part.scores for part in parts]),
        "split": np.repeat(["train", "test"], [len(part.index) for part in parts]),
        "names": dump.label_names,
    }
    return given, len(parts[0].index)


def options_of(analyses):
    """What analyses.yaml chooses, as options of `analyze`."""
    explore = {key: value for key, value in analyses["explore"].items() if key != "embedding"}
    listed = explore.pop("label_errors")
    sections = ("labels", "performance", "archetypes", "feature_overlap")
    chosen = {key: value for name in sections for key, value in analyses[name].items()}
    near = dict(analyses["adversaries"])
    near["adversary_neighbors"] = near.pop("n_neighbors")
    shared = {"min_images": analyses["compare"]["min_images"], "n_candidates": listed}
    options = chosen | near | explore | shared
    return {"evaluate": options.pop("split"), **options}
