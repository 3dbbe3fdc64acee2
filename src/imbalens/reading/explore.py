"""Reads what the page about a dataset's images shows: what its runs tell, and the images."""

from imbalens.stage import require_neighbors
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import assert_never

import numpy as np
from jaxtyping import Int

from imbalens.analysis.explore.embedding import Plane, principal_plane, umap_plane
from imbalens.analysis.explore.explore import explore
from imbalens.dumps.files import read_features
from imbalens.errors import NotApplicable
from imbalens.params.analyses import Pca, Umap
from imbalens.params.experiment import Params, baseline_of, settings
from imbalens.reading.cams import read_annotated
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.page import Opening, choose_opening
from imbalens.reports.explore.pictures import Selection, choose_points
from imbalens.reports.explore.sprite import make_sprite
from imbalens.reports.explore.values import About, Pictures
from imbalens.store.prepared import read_images, read_metadata, read_names, read_truth
from imbalens.tables.explore import CANDIDATES


def look_at_runs(dataset: str, params: Params) -> dict[str, Look]:
    """Read the features of a dataset's runs, of those that have some, and find what they tell.

    Raises:
        NotApplicable: if there are runs and none has features of training images.
        InputError: as `look_at`.
    """
    found: dict[str, Look] = {}
    annotated = read_annotated(dataset, params)
    lacking: NotApplicable | None = None
    for run, item in params.runs.items():
        if item.dataset == dataset:
            try:
                found[run] = look_at(run, params, annotated=annotated)
            except NotApplicable as error:
                lacking = error
    if lacking is not None and not found:
        raise lacking
    return found


def look_at(run: str, params: Params, *, annotated: Int[np.ndarray, " a"]) -> Look:
    """Read a run's features and find what they tell.

    Args:
        run: Name of the run.
        params: The experiment.
        annotated: Rows of evaluation images that are points before others of their class.

    Raises:
        NotApplicable: if the run has no features, or no training images.
        InputError: if the dump is absent or damaged, or there are too few training images; it
            says what to run or change.
    """
    options, kinds = params.analyses.explore, params.analyses.archetypes
    split, decision = params.analyses.performance.split, params.analyses.labels.decision
    path = Path(f"data/dumps/features/{run}.h5")
    both = sorted({"train", split})
    dump = read_features(path, both, decision=decision, needs=["features"])
    train, evaluation = dump.splits["train"], dump.splits[split]
    require_neighbors("archetypes.n_neighbors", kinds.n_neighbors, len(train.index))
    points = choose_points(
        evaluation.classes,
        dump.class_counts,
        # training images are points of their own
        n_points=0 if split == "train" else options.evaluation_images,
        seed=options.seed,
        annotated=annotated,
    )
    found = explore(
        *(train.features, train.targets, train.classes),
        train.scores if train.predicts else None,
        evaluation.features[points],
        lay_out=_choose_plane(options.embedding, n_train=len(train.index)),
        n_candidates=options.label_errors,
        **kinds.model_dump(),
    )
    loss = params.runs[run].loss.name
    return Look(loss, dump.class_names, train.seen, evaluation.seen, points, found)


def _choose_plane(
    options: Pca | Umap, *, n_train: int
) -> Callable[[np.ndarray, np.ndarray], Plane]:
    match options:
        case Pca():
            return principal_plane
        case Umap():
            key = "explore.embedding.n_neighbors"
            require_neighbors(key, options.n_neighbors, n_train)
            return partial(umap_plane, **options.model_dump(exclude={"name"}))
        case _:
            assert_never(options)


def describe(dataset: str, params: Params) -> About:
    """Return what the page says of its dataset.

    Raises:
        InputError: if the dataset is absent or damaged; it says what to run.
    """
    return About(
        dataset=dataset,
        generated=read_metadata(_prepared(dataset)).generated,
        split=params.analyses.performance.split,
        embedding=params.analyses.explore.embedding.name,
        table=CANDIDATES.path_of(dataset).name,
        report="../report.html",
        many_above=params.analyses.performance.many_above,
        few_below=params.analyses.performance.few_below,
    )


def choose_first_view(looks: Mapping[str, Look], dataset: str, params: Params) -> Opening:
    """Choose what the page shows first: the dataset's baseline, and what differs most from it."""
    groups = settings(params, dataset)
    setting_of = {run: setting for setting, runs in groups.items() for run in runs}
    baseline = baseline_of(params, next(iter(looks)))
    first = next((run for run in groups[baseline] if run in looks), next(iter(looks)))
    return choose_opening(looks, setting_of, first=first)


def read_labels(dataset: str) -> tuple[tuple[str, ...], Int[np.ndarray, " n"] | None]:
    """Read the training images' names, and which of them have a label that is planted wrong.

    Returns:
        File, or other name, of each within the source; its true class if its label is planted
        wrong, else -1, and None where nothing was planted.

    Raises:
        InputError: if the dataset is absent or damaged; it says what to run.
    """
    truth = read_truth(_prepared(dataset), "train")
    planted = None if truth is None else np.where(truth.mislabelled, truth.labels, -1)
    return read_names(_prepared(dataset), "train"), planted


def read_pictures(dataset: str, selection: Selection, params: Params) -> Pictures:
    """Read what the page shows of the images themselves.

    Raises:
        InputError: if the dataset is absent, damaged or lacks the split; it says what to run.
    """
    data, split = _prepared(dataset), params.analyses.performance.split
    pictured = selection.pictured
    of_train = read_images(data, "train", np.concatenate([pictured.train, pictured.further]))
    of_evaluation = read_images(data, split, selection.evaluation)
    (names, planted), others = read_labels(dataset), read_names(data, split)
    true = np.full(len(names), -1) if planted is None else planted
    thumbnail = params.analyses.explore.thumbnail
    there = bool(of_train or of_evaluation)  # else the dataset has no images
    return Pictures(
        names=selection.merge(names, others),
        planted=selection.merge(true.tolist(), [-1] * len(others)),
        sprite=make_sprite(pictured.merge(of_train, of_evaluation), thumbnail=thumbnail)
        if there
        else None,
    )


def _prepared(dataset: str) -> Path:
    return Path(f"data/prepared/{dataset}.h5")
