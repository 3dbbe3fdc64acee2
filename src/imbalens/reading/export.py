"""Reads all that is known of a run's images, and writes it as one parquet file."""

from imbalens.stage import pick
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import expit, softmax

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.classes import UNKNOWN, list_pairs
from imbalens.dumps.files import (
    FeatureDump,
    read_feature_rows,
    read_features,
    read_splits,
    tells_of,
)
from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.reading.archetypes import read_archetypes
from imbalens.store.parquet import write_parquet
from imbalens.store.prepared import open_prepared, read_names
from imbalens.store.tables import read_table
from imbalens.tables.explore import CANDIDATES
from imbalens.tables.export import FEATURES, IMAGE, OF_CLASSES, OF_LABELS, SCORES, describe, expand

ROWS = 4096  # of a group; of 2,048 features each these are 32 MiB

Values = dict[str, np.ndarray]


def export_run(run: str, params: Params, out: Path, *, pictures: Path | None) -> int:
    """Write a row for each of a run's images, with all that its stages found.

    Features are read and written some images at a time; labels and scores are held.

    Args:
        run: The run.
        params: The experiment.
        out: The file.
        pictures: Folder to write the images to as PNG files; None for none.

    Returns:
        How many images there are.

    Raises:
        InputError: if there is no such run, or what is read was not computed, is damaged, or of
            other images; it says what to run.
    """
    dataset = pick(params.runs, "runs", run).dataset
    path, data = Path(f"data/dumps/features/{run}.h5"), Path(f"data/prepared/{dataset}.h5")
    splits, decision = read_splits(path), params.analyses.labels.decision
    dump = read_features(path, splits, decision=decision, needs=(), reads=("logits",))
    exclusive = dump.splits[splits[0]].targets.ndim == 1
    names = {
        "label": dump.label_names,
        "class": dump.class_names,
        "feature": [f"{number:04}" for number in range(dump.n_features)],
    }
    declared = (
        *(column for column in IMAGE if pictures or column.name != "path"),
        *(OF_CLASSES if exclusive else OF_LABELS),
        *(SCORES if dump.splits[splits[0]].predicts else ()),
        *FEATURES,
    )
    about = {
        "run": run,
        "dataset": dataset,
        "task": "multiclass" if exclusive else "multilabel",
        "classes": dump.label_names,
        "thresholds": dump.thresholds,
        "columns": describe(declared, names),
    }
    judged = tells_of(path, ["train"], needs=["features"]) if dump.trained else False
    doubts = _read_doubts(run, dataset, dump)

    def read_groups() -> Iterator[Values]:
        for split in splits:
            known = _of_images(data, split, dump, pictures) | _of_scores(dump, split)
            if split == "train":
                known |= (_of_archetypes(run, dump) if judged else {}) | doubts
            yield from _by_rows(path, split, known, names["feature"])

    columns = [each for column in declared for each in expand(column, names)]
    return write_parquet(out, columns, read_groups(), about)


def _by_rows(
    path: Path, split: str, known: Mapping[str, np.ndarray], features: Sequence[str]
) -> Iterator[Values]:
    """Yield some rows at a time of what is known of a split, and their features."""
    rows_of_features = read_feature_rows(path, split, n_rows=ROWS)
    for start in range(0, len(known["id"]), ROWS):
        group = {name: values[start : start + ROWS] for name, values in known.items()}
        own = next(rows_of_features, np.empty((0, 0))).T
        yield group | {f"feature_{name}": own[k] for k, name in enumerate(features)}


def _of_images(data: Path, split: str, dump: FeatureDump, pictures: Path | None) -> Values:
    """Return what is known of a split's images themselves, and write their pictures."""
    seen, names = dump.splits[split], read_names(data, split)
    with open_prepared(data, split) as file:
        if not np.array_equal(file[f"{split}/index"][:], seen.index):
            raise InputError(f"{data}: has other images than a run's dump; run: dvc repro")
        patients = file.get(f"{split}/patients")
        found = {
            "id": np.array(names, dtype=object),
            "split": np.full(len(names), split, dtype=object),
            "row": np.arange(len(names)),
            "index": seen.index,
        }
        if patients is not None:
            found["group"] = patients[:]
        if pictures:
            images = file.get(f"{split}/images")
            if images is None:
                raise InputError(f"--pictures: {data.stem} has no images; leave it out")
            found["path"] = _write_pictures(images, pictures, split)
    return found


def _write_pictures(
    images: Any,  # noqa: ANN401 - an h5py dataset
    folder: Path,
    split: str,
) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for row in range(len(images)):
        paths.append(folder / f"{split}-{row:06}.png")
        Image.fromarray(np.squeeze(images[row])).save(paths[-1])
    return np.array([str(path.absolute()) for path in paths], dtype=object)


def _of_scores(dump: FeatureDump, split: str) -> Values:
    """Return labels, and what the network makes of them."""
    seen, labels = dump.splits[split], dump.label_names
    if seen.targets.ndim == 1:
        named = np.array(dump.class_names, dtype=object)
        found: Values = {"label": named[seen.targets]}
        if seen.predicts:
            found["prediction"] = named[seen.predictions]
    else:
        known = np.where(seen.targets == UNKNOWN, -1, seen.targets.astype(np.int64))
        found = {f"label_{label}": known[:, k] for k, label in enumerate(labels)}
        if seen.predicts:
            found |= {
                f"prediction_{name}": seen.predictions[:, k]
                for k, name in enumerate(dump.class_names)
            }
    if seen.predicts:
        shares = softmax(seen.scores, axis=1) if seen.targets.ndim == 1 else expit(seen.scores)
        for k, label in enumerate(labels):
            found |= {f"logit_{label}": seen.scores[:, k], f"prob_{label}": shares[:, k]}
    return found


def _of_archetypes(run: str, dump: FeatureDump) -> Values:
    """Return the archetype of each training image, in each class that it has."""
    train, names = dump.splits["train"], dump.class_names
    rows, codes = list_pairs(train.classes)
    kinds = np.array(ARCHETYPE_NAMES, dtype=object)[read_archetypes(run, rows.tolist())]
    if train.classes.ndim == 1:
        return {"archetype": kinds}
    found = np.full(train.classes.shape, None, dtype=object)
    found[rows, codes] = kinds
    return {f"archetype_{name}": found[:, k] for k, name in enumerate(names)}


def _read_doubts(run: str, dataset: str, dump: FeatureDump) -> Values:
    """Read which labels of the training images are in doubt, and how much."""
    listed = read_table(CANDIDATES, dataset)
    own = listed[listed["run"] == run]
    if not dump.trained:
        return {}
    train, rows = dump.splits["train"], own["row"].to_numpy(dtype=int)
    n, labels = len(train.index), dump.label_names
    if (rows >= n).any() or (train.index[rows] != own["index"].to_numpy(dtype=int)).any():
        raise InputError(
            f"{CANDIDATES.path_of(dataset)}: tells of other images than the dump of {run}; "
            f"run: {CANDIDATES.command(dataset)}"
        )
    if train.targets.ndim == 1:
        suspicion, suggested = np.full(n, np.nan), np.full(n, None, dtype=object)
        suspicion[rows], suggested[rows] = own["score"], own["suggested"]
        return {"suspicion": suspicion, "suggested": suggested}
    found = {f"suspicion_{label}": np.full(n, np.nan) for label in labels}
    for row, score, label in zip(rows, own["score"], _doubted(own), strict=True):
        found[f"suspicion_{label}"][row] = score
    return found


def _doubted(listed: pd.DataFrame) -> list[str]:
    """Name the label that each row is about: an image has it or, "not ", lacks it."""
    pairs = zip(listed["given"], listed["suggested"], strict=True)
    return [given if other == f"not {given}" else other for given, other in pairs]
