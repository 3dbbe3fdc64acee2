"""Made-up images and features of two small datasets, for the tests of the pages about them."""

import h5py
import numpy as np

from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.dumps.map_files import MAPS, MAPS_VERSION
from imbalens.store.hdf5 import create
from imbalens.store.prepared import PREPARED, PREPARED_VERSION
from tests.tiny import method_of, tiny_params

HOSTILE = "</script><img src=x onerror=alert(1)>"
NAMES = {"shapes": ("disc", HOSTILE, "star"), "chest": ("Edema", "Mass")}
RUNS = {"shapes": ("shapes-ce", "shapes-focal"), "chest": ("chest-bce",)}
SIZES = {"train": 60, "test": 24}
N_WRONG, SIDE, N_FEATURES = 6, 16, 6
STRENGTH = {"shapes": 2.0, "chest": 0.4}  # of classes in the features


def experiment(**explore):
    """Three datasets, the last of which no run is of."""
    values = tiny_params(("planted-ce",))
    planted, run = values["datasets"]["planted"], values["runs"]["planted-ce"]
    natural = planted["imbalance"] | {"kind": "natural", "n_max": None}
    del natural["ratio"]
    task = {"name": "multilabel", "include_no_finding": False}
    chest = {"name": "phantom_cxr", "task": task, "train_images": 60, "test_images": 24, "seed": 0}
    values["datasets"] = {
        "shapes": planted,
        "chest": planted | {"source": chest, "imbalance": natural},
        "unused": planted,
    }
    focal = {"name": "focal", "gamma": 2.0, "alpha": None, "scale": 1.0}
    ce = method_of(values, "planted-ce")
    values["methods"] |= {"focal": ce | {"loss": focal}, "bce": ce | {"loss": {"name": "bce"}}}
    values["runs"] = {
        "shapes-ce": run | {"dataset": "shapes"},
        "shapes-focal": run | {"dataset": "shapes", "method": "focal"},
        "chest-bce": run | {"dataset": "chest", "method": "bce"},
    }
    values["focus"], values["false_positives"] = "shapes/ce", {}
    values["dumps"]["saliency"]["runs"], values["dumps"]["maps"]["runs"] = [], ["chest-bce"]
    values["analyses"]["explore"] |= {"label_errors": 6} | explore
    return values


def write_dataset(folder, dataset):
    """Flat images, one shade each; features lean on the class, not on labels planted wrong."""
    rng = np.random.default_rng(0)
    names, exclusive = NAMES[dataset], dataset == "shapes"
    index = {split: rng.permutation(1000)[:n] for split, n in SIZES.items()}
    if exclusive:
        true = {split: np.sort(rng.integers(0, 3, n)) for split, n in SIZES.items()}
        labels = {split: own.copy() for split, own in true.items()}
        wrong = np.arange(SIZES["train"]) % (SIZES["train"] // N_WRONG) == 0
        labels["train"][wrong] = (labels["train"][wrong] + 1) % 3
        has = {split: np.eye(3)[own] for split, own in true.items()}
    else:
        labels = {s: (rng.random((n, 2)) < 0.4).astype(np.uint8) for s, n in SIZES.items()}
        has = {split: own.astype(np.float64) for split, own in labels.items()}
    train = labels["train"]
    both = {
        "class_names": names,
        "task": "multiclass" if exclusive else "multilabel",
        "counts": np.bincount(train, minlength=3) if exclusive else train.sum(axis=0, dtype=int),
        "splits": list(SIZES),
        "digest": "made up",
    }
    with create(folder / f"data/prepared/{dataset}.h5", PREPARED, PREPARED_VERSION) as file:
        source = "planted" if exclusive else "folder"
        own = {"mean": np.zeros(3), "std": np.ones(3), "source": source, "n_train": 60}
        file.attrs.update(both | own)
        for split, n in SIZES.items():
            shades = rng.integers(0, 256, (n, 1, 1, 3 if exclusive else 1), dtype=np.uint8)
            file[f"{split}/images"] = np.tile(shades, (1, SIDE, SIDE, 1))
            file[f"{split}/labels"], file[f"{split}/index"] = labels[split], index[split]
            file[f"{split}/names"] = [f"{split}/{place:04}<b>.png" for place in index[split]]
            if exclusive:
                file[f"{split}/truth/labels"] = true[split]
                file[f"{split}/truth/mislabelled"] = true[split] != labels[split]
                file[f"{split}/truth/subconcept"] = np.zeros(n, dtype=bool)
        if exclusive:
            file["truth/pairs"], file["truth/colours"] = np.array([[0, 1]]), ["red"] * 3
    m = len(names)
    for run in RUNS[dataset]:
        with create(folder / f"data/dumps/features/{run}.h5", FEATURES, FEATURES_VERSION) as file:
            file.attrs.update(both | {"run": run, "loss": "any", "head": "linear"})
            file.attrs["logit_scale"] = 1.0
            file["head/weight"] = np.zeros((m, N_FEATURES), np.float32)
            file["head/bias"] = file["head/offset"] = np.zeros(m, np.float32)
            for split, n in SIZES.items():
                noise = rng.random((n, N_FEATURES))
                features = STRENGTH[dataset] * has[split] @ np.eye(m, N_FEATURES) + noise
                logits = 2 * has[split] - 1 + rng.normal(size=(n, m))
                file[f"{split}/features"] = features.astype(np.float32)
                file[f"{split}/logits"] = logits.astype(np.float32)
                file[f"{split}/targets"], file[f"{split}/index"] = labels[split], index[split]


def write_maps(folder, run="chest-bce", n_images=12):
    """Maps of 4 by 4 cells, and a box in the right lower quarter, of the first test images."""
    names, rng = NAMES["chest"], np.random.default_rng(1)
    with h5py.File(folder / "data/prepared/chest.h5") as file:
        labels, index = (file[f"test/{key}"][:n_images] for key in ("labels", "index"))
    image, code = np.nonzero(labels)
    with create(folder / f"data/dumps/maps/{run}.h5", MAPS, MAPS_VERSION) as file:
        file.attrs.update({"run": run, "split": "test", "network": "cifar_resnet"})
        file.attrs.update({"class_names": names, "image_size": SIDE})
        file["maps"] = rng.random((n_images, 3, 4, 4), dtype=np.float32)
        file["pairs"] = np.column_stack([image, code])
        file["head/weight"] = rng.normal(size=(len(names), 3)).astype(np.float32)
        file["head/bias"] = np.zeros(len(names), np.float32)
        corner = np.broadcast_to([SIDE // 2, SIDE // 2, SIDE // 2, SIDE // 4], (len(image), 4))
        file["boxes"] = np.column_stack([image, code, corner])
        file["row"], file["index"] = np.arange(n_images), index


def write_all(folder):
    for dataset in NAMES:
        write_dataset(folder, dataset)
    write_maps(folder)
