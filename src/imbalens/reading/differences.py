"""Reads what the runs of a dataset are compared by."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from imbalens.analysis.adversaries.adversaries import FDR, NEAREST, RANDOM
from imbalens.analysis.adversaries.scores import Prediction
from imbalens.analysis.common.measured import images_behind
from imbalens.analysis.common.measures import DISJOINT, UNIQUE
from imbalens.analysis.differences.differences import Images, Splits
from imbalens.analysis.differences.measures_of_run import (
    BoxFindings,
    Definitions,
    Foretold,
    Training,
)
from imbalens.analysis.differences.setup import Setup
from imbalens.dumps.files import FeatureDump, read_features, require_same_images
from imbalens.params.experiment import Params, settings
from imbalens.params.runs import network_title
from imbalens.reading.adversaries import read_shares
from imbalens.reports.common.titles import dataset_title
from imbalens.reports.differences.notes import differences_notes
from imbalens.store.prepared import open_prepared, read_metadata, read_targets
from imbalens.store.tables import read_table, require_keys
from imbalens.tables import cam_alignment, concepts
from imbalens.tables.adversaries import ADVERSARIES, NEIGHBOURS

PREDICTORS = {NEAREST: NEIGHBOURS, FDR: FDR, RANDOM: RANDOM}  # neighbours come first


def definitions_of(params: Params) -> Definitions:
    """Return how trainings are measured."""
    performance, errors = params.analyses.performance, params.analyses.adversaries
    return Definitions(
        n_bins=performance.ece_bins,
        many_above=performance.many_above,
        few_below=performance.few_below,
        min_images=params.analyses.compare.min_images,
        errors=errors.errors,
        eps=errors.eps,
    )


def splits_of(dataset: str, params: Params) -> Splits:
    """Return the splits that a dataset's runs are measured on."""
    mapped = any(params.runs[run].dataset == dataset for run in params.dumps.maps.runs)
    return Splits(
        evaluated=params.analyses.performance.split,
        judged=params.analyses.adversaries.split,
        annotated=params.analyses.dump_maps.split if mapped else None,
    )


def seeds_of(dataset: str, params: Params) -> dict[str, dict[str, int]]:
    """Return per setting of a dataset the seed of each of its trainings."""
    return {
        setting: {run: params.runs[run].seed for run in runs}
        for setting, runs in settings(params, dataset).items()
    }


def read_images(dataset: str, params: Params) -> dict[str, Images]:
    """Read how many images the splits have that runs are measured on, and their patients.

    Raises:
        InputError: if the runs' features are not of the same images, or a file is absent or
            damaged; it says what to run.
    """
    runs = [run for trainings in settings(params, dataset).values() for run in trainings]
    splits = sorted({split for split in astuple(splits_of(dataset, params)) if split})
    require_same_images([Path(f"data/dumps/features/{run}.h5") for run in runs], splits)
    found = {}
    with open_prepared(Path(f"data/prepared/{dataset}.h5"), *splits) as file:
        for split in splits:
            patients = file.get(f"{split}/patients")
            n = len(file[f"{split}/labels"])
            found[split] = Images(n, None if patients is None else patients[:])
    return found


def describe(dataset: str, params: Params) -> tuple[str, str]:
    """Return the title of a dataset, and the notes on how to read its differences.

    Raises:
        InputError: if the dataset is absent or damaged; it says what to run.
    """
    path, split = Path(f"data/prepared/{dataset}.h5"), params.analyses.performance.split
    about = read_metadata(path)
    names = about.class_names
    with open_prepared(path, split) as file:
        counts = images_behind(read_targets(file, split), n_classes=len(names))
        by_patient = f"{split}/patients" in file
    notes = differences_notes(
        dict(zip(names, counts.tolist(), strict=True)),
        several=about.task != "multiclass",
        split=split,
        min_images=params.analyses.compare.min_images,
        by_patient=by_patient,
    )
    return dataset_title(dataset, generated=about.generated), notes


def read_training(run: str, params: Params) -> Training:
    """Read what a training says of evaluation images.

    Raises:
        InputError: if a dump or table is absent or damaged; it says what to run.
    """
    evaluated, judged = params.analyses.performance.split, params.analyses.adversaries.split
    dump = _read_dump(run, sorted({evaluated, judged}), params)
    kinds, names = list(PREDICTORS.values()), dump.class_names
    shares = read_shares(run, kinds, names, may_be_empty=True)
    said = not read_table(ADVERSARIES, run).empty
    smoothed = read_shares(run, kinds, names, column="smoothed", may_be_empty=True)
    mapped = run in params.dumps.maps.runs
    # every predictor is judged on the same classes: those that neighbours say something of
    silent = np.isnan(shares[0]).any(axis=1, keepdims=True)
    return Training(
        names=dump.label_names,
        train_counts=dump.label_counts,
        scores=dump.splits[evaluated].scores,
        targets=dump.splits[evaluated].targets,
        thresholds=dump.thresholds,
        foretold=None
        if not said
        else Foretold(
            dump.splits[judged].classes,
            dump.splits[judged].predictions,
            {
                name: Prediction(np.where(silent, np.nan, share), chances)
                for name, share, chances in zip(PREDICTORS, shares, smoothed, strict=True)
            },
        ),
        boxes=_read_boxes(run, dump.label_names, params) if mapped else None,
    )


def _read_boxes(run: str, names: Sequence[str], params: Params) -> BoxFindings | None:
    pairs, counts = read_table(cam_alignment.PAIRS, run), read_table(concepts.COUNTS, run)
    if pairs.empty:
        return None
    codes = {label: code for code, label in enumerate(names)}
    per_image = params.analyses.concepts.normalize_by == "image"
    counted = counts[(counts["class"] == "") == per_image]
    rows = pairs["row"].tolist()
    wanted = {"row": list(dict.fromkeys(rows)) if per_image else rows}
    require_keys(concepts.COUNTS, run, counted, **wanted)
    return BoxFindings(
        alignment={
            str(column): pairs[column].to_numpy(dtype=float)
            for column in pairs
            if column not in ("row", "class")
        },
        image=pairs["row"].to_numpy(dtype=int),
        classes=pairs["class"].map(codes).to_numpy(dtype=int),
        concepts={
            spec.name: counted[spec.name].to_numpy(dtype=float) for spec in (DISJOINT, UNIQUE)
        },
        counted=counted["row"].to_numpy(dtype=int),
    )


def read_setup(run: str, params: Params) -> Setup:
    """Read the size of a run's dataset and how the run was trained on it.

    Raises:
        InputError: if the dataset or the features are absent or damaged; it says what to run.
    """
    trained = params.runs[run]
    path = Path(f"data/prepared/{trained.dataset}.h5")
    about = read_metadata(path)
    with open_prepared(path, "test") as file:
        images = file.get("test/images")
        shape = (len(file["test/labels"]),) if images is None else images.shape
    return Setup(
        task=about.task,
        counts=about.counts,
        n_train=about.n_train,
        negatives=about.negatives,
        test_shape=shape,
        n_features=_read_dump(run, [], params).n_features or None,
        imbalance=params.datasets[trained.dataset].imbalance.kind,
        epochs=None if trained.checkpoint else params.recipes[trained.recipe].epochs,
        network=network_title(trained.model),
        loss=trained.loss.name,
    )


def _read_dump(run: str, splits: Sequence[str], params: Params) -> FeatureDump:
    path, decision = Path(f"data/dumps/features/{run}.h5"), params.analyses.labels.decision
    return read_features(path, splits, decision=decision, needs=["logits"] if splits else [])
