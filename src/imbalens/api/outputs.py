"""Features, labels and predictions of images, as users give them, split by split."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from imbalens.api.given import (
    name_classes,
    require_logits,
    require_same_images,
    take_labels,
    take_numbers,
)
from imbalens.classes import (
    Decision,
    Seen,
    Targets,
    count_members,
    known_classes,
    label_thresholds,
    predicted_classes,
    true_classes,
    where_known,
)
from imbalens.data.group_splits import as_group
from imbalens.data.names import check_class_names
from imbalens.data.probabilities import class_logits, label_logits
from imbalens.errors import InputError
from imbalens.params.errors import shown

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Part(Seen):
    """Images of one split; `index` is their row in what was given.

    Attributes:
        features: Feature embeddings.
        scores: What a softmax or a decision per label is taken on; None where nobody predicted.
    """

    features: Float[np.ndarray, "n d"]
    scores: Float[np.ndarray, "n m"] | None


@dataclass(frozen=True)
class About:
    """What is known of images beside labels and outputs of a network, one of each per image.

    Attributes:
        names: What they are called: by their ids, else by their files; empty without either.
        groups: Group of each, such as its patient; None without groups.
        paths: Their files; None without files.
    """

    names: list[str]
    groups: list[str] | None
    paths: list[Path] | None


@dataclass(frozen=True)
class Outputs:
    """What users have of images.

    Attributes:
        label_names: Name of each class or label.
        class_names: Name of each class, that of images without any label included.
        train: Training images.
        evaluation: Images to evaluate on; none where there are no such.
        split: Split that these are of.
        thresholds: See `imbalens.classes.label_thresholds`; None where classes exclude each
            other, and without scores.
        about: What else is known of the images, in the order in which they were given.
    """

    label_names: tuple[str, ...]
    class_names: tuple[str, ...]
    train: Part
    evaluation: Part
    split: str
    thresholds: Float[np.ndarray, " m"] | None
    about: About

    @property
    def class_counts(self) -> Int[np.ndarray, " c"]:
        """Training images of each class."""
        return count_members(self.train.classes, n_classes=len(self.class_names))

    @property
    def label_counts(self) -> Int[np.ndarray, " m"]:
        """Training images of each class or label."""
        targets = self.train.targets
        return self.class_counts if targets.ndim == 1 else (targets == 1).sum(axis=0)

    def names(self, part: Part) -> list[str]:
        """Return what the images of a split are called."""
        return [self.about.names[row] for row in part.index.tolist()]


def take_outputs(
    features: ArrayLike,
    labels: ArrayLike,
    logits: ArrayLike | None,
    *,
    probabilities: ArrayLike | None,
    split: Iterable[str] | None,
    evaluate: str,
    names: Iterable[str] | None,
    ids: Iterable[object] | None,
    groups: Iterable[object] | None,
    paths: Iterable[str | Path] | None,
    decision: Decision,
) -> Outputs:
    """Take what users give of images; see `imbalens.analyze`.

    Raises:
        InputError: naming what cannot be used.
    """
    numbers = take_numbers("features", features, "images features")
    if not len(numbers):
        raise InputError(f"features must have images, found an array of shape {numbers.shape}")
    about = _take_about(ids, groups, paths, n_images=len(numbers))
    scores = _take_scores(logits, probabilities)  # before they are logits
    n_scores = None if scores is None else scores.shape[1]
    named, (targets,) = take_labels(names, n_scores=n_scores, labels=labels)
    several = {
        "ids": about.names if any(about.names) else None,
        "groups": about.groups,
        "paths": about.paths,
    }
    require_same_images(
        features=numbers,
        labels=targets,
        **({} if scores is None else {"scores": scores}),
        **{what: np.empty(len(own)) for what, own in several.items() if own is not None},
    )
    if scores is not None and probabilities is None:
        require_logits(scores, targets)
    elif scores is not None:
        turn = class_logits if targets.ndim == 1 else label_logits
        scores = turn(scores, place="probabilities")
    check_class_names("names", named)
    _require_one_line({"ids": about.names, "groups": about.groups or ()})
    rows = _rows_of(split, n_images=len(numbers))
    train, thresholds = rows["train"], None
    _require_two_classes(targets[train], named)
    if targets.ndim == 2 and scores is not None:
        thresholds = label_thresholds(scores[train], targets[train], decision=decision)

    def part(own: Int[np.ndarray, " k"]) -> Part:
        return _see(own, numbers, targets, scores, label_names=named, thresholds=thresholds)

    return Outputs(
        label_names=named,
        class_names=name_classes(named, targets),
        train=part(train),
        evaluation=part(rows[evaluate]),
        split=evaluate,
        thresholds=thresholds,
        about=about,
    )


def _take_about(
    ids: Iterable[object] | None,
    groups: Iterable[object] | None,
    paths: Iterable[str | Path] | None,
    *,
    n_images: int,
) -> About:
    """Take what else users say of images, refusing ids that are there twice, and absent files."""
    called = None if ids is None else [str(each) for each in ids]
    twice = next((each for each, count in Counter(called).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"ids must differ, found {shown(twice)} twice")
    files = None if paths is None else [Path(path) for path in paths]
    for row, path in enumerate(files or ()):
        if not path.is_file():
            raise InputError(
                f"paths: found {shown(str(path))} at row {row}, which is no file; "
                "give those of image files, or none"
            )
    if called is None and files is not None:
        called = [path.as_posix() for path in files]
    return About(
        names=[""] * n_images if called is None else called,
        groups=None if groups is None else [_take_group(each) for each in groups],
        paths=files,
    )


def _take_group(given: object) -> str:
    """Return what a group is called, blank where pandas holds that nothing is known."""
    return "" if given is None or given is pd.NA else as_group(str(given))


def _require_one_line(texts: Mapping[str, Sequence[str]]) -> None:
    """Refuse a carriage return, which would end a line of a table."""
    for what, each in texts.items():
        broken = next((text for text in each if "\r" in text), None)
        if broken is not None:
            raise InputError(f"{what}: found {shown(broken)}; allowed: no carriage return")


def _take_scores(
    logits: ArrayLike | None, probabilities: ArrayLike | None
) -> Float[np.ndarray, "n m"] | None:
    if logits is not None and probabilities is not None:
        raise InputError("logits and probabilities: found both; give one of them")
    if probabilities is not None:
        return take_numbers("probabilities", probabilities, "images classes")
    return None if logits is None else take_numbers("logits", logits, "images classes")


def _rows_of(split: Iterable[str] | None, *, n_images: int) -> dict[str, Int[np.ndarray, " k"]]:
    """Return the rows of each split; without any, all are training images."""
    words = np.array(["train"] * n_images if split is None else [str(word) for word in split])
    if len(words) != n_images:
        raise InputError(f"split must have {n_images} words, one per image, found {len(words)}")
    strange = sorted(set(words.tolist()) - set(SPLITS))
    if strange:
        raise InputError(f"split: found {shown(strange[0])}; allowed: {', '.join(SPLITS)}")
    rows = {name: np.flatnonzero(words == name) for name in SPLITS}
    if not len(rows["train"]):
        raise InputError("split: found no 'train'; features are looked at in training images")
    return rows


def _require_two_classes(targets: Targets, names: Sequence[str]) -> None:
    if targets.ndim == 1 and len(np.unique(targets)) < 2:
        raise InputError(
            f"labels: found one class alone, {shown(names[targets[0]])}, in the training images; "
            "allowed: from 2"
        )


def _see(
    rows: Int[np.ndarray, " k"],
    features: Float[np.ndarray, "n d"],
    targets: Targets,
    scores: Float[np.ndarray, "n m"] | None,
    *,
    label_names: Sequence[str],
    thresholds: Float[np.ndarray, " m"] | None,
) -> Part:
    own, of = targets[rows], scores if scores is None else scores[rows]
    predictions = None
    if of is not None:
        taken = predicted_classes(of, label_names, thresholds=thresholds)
        predictions = where_known(taken, own, label_names)
    return Part(
        targets=own,
        index=rows,
        classes=true_classes(own, label_names),
        predictions=predictions,
        known=known_classes(own, label_names),
        features=features[rows],
        scores=of,
    )
