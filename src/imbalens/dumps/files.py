"""What dumps of features and saliency hold, and reading them; needs no network and no torch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, UInt16, UInt32

from imbalens.classes import (
    Classes,
    Decision,
    Seen,
    Targets,
    class_names,
    count_members,
    known_classes,
    label_thresholds,
    mark_unknown,
    predicted_classes,
    true_classes,
    where_known,
)
from imbalens.dumps.checking import read_finite, repeat_command, require, require_outputs
from imbalens.errors import InputError, NotApplicable
from imbalens.store.hdf5 import Kind, Variable, open_checked

FEATURES = "features"
FEATURES_VERSION = 2
FEATURE_ATTRIBUTES: Mapping[str, Kind] = {
    "splits": "texts",
    "class_names": "texts",
    "task": "text",
    "counts": "integers",
    "logit_scale": "number",
}
# Of features and predictions that somebody else's network made one may be absent, and the head.
# The attribute `head` says how logits come from features: "linear", weight @ features + bias, or
# "cosine", unit rows of weight @ features / |features|.
FEATURE_VARIABLES = (
    Variable("{split}/features", "float32", ("n", "d"), "pooled last convolutional layer", True),
    Variable(
        "{split}/logits", "float32", ("n", "m"), "output of the head, never normalised", True
    ),
    Variable("{split}/targets", "int64", ("n",), "class as in the prepared dataset"),
    Variable("{split}/targets", "uint8", ("n", "m"), "1 where an image has a label"),
    Variable("{split}/unknown", "bool", ("n", "m"), "label is not known, and 0", True),
    Variable("{split}/index", "int64", ("n",), "position in the source's split"),
    Variable("head/weight", "float32", ("m", "d"), "see the attribute `head`", True),
    Variable("head/bias", "float32", ("m",), "bias of the head, zero for a cosine head", True),
    Variable("head/offset", "float32", ("m",), "added to scaled logits before deciding"),
)

Output = Literal["features", "logits"]
OUTPUTS: tuple[Output, ...] = ("features", "logits")

SALIENCY = "saliency"
SALIENCY_VERSION = 1
SALIENCY_VARIABLES = (
    Variable("{split}/rank", "uint16", ("n", "h", "w"), "0 = most salient pixel of its image"),
    Variable("{split}/rank", "uint32", ("n", "h", "w"), "the same of more than 65,536 pixels"),
)


@dataclass(frozen=True)
class FeatureSplit(Seen):
    """One split seen through one network.

    Attributes:
        features: Feature embeddings; of no columns where there are none, see `read_features`.
        logits: Output of the head; likewise.
        scores: `logits * logit_scale + offset`: what a softmax or a decision is taken on.
    """

    predictions: Classes
    features: Float[np.ndarray, "n d"]
    logits: Float[np.ndarray, "n m"]
    scores: Float[np.ndarray, "n m"]

    @property
    def seen(self) -> Seen:
        """The images alone, without what takes memory."""
        said = self.predictions if self.predicts else None
        return Seen(self.targets, self.index, self.classes, said, self.known)

    @property
    def predicts(self) -> bool:
        """Whether there are logits."""
        return self.logits.shape[1] > 0


@dataclass(frozen=True)
class FeatureDump:
    """Features of several splits of one run.

    Attributes:
        label_names: Name of each output of the network, in order.
        label_counts: Training images with each label, or per class.
        class_names: Name of each class, see `classes.class_names`.
        class_counts: Training images of each class.
        thresholds: Score from which on an image is taken to have a label; None where classes
            exclude each other.
        n_features: Features of an image, d.
        splits: The splits asked for, by name.
        trained: Whether there are training images.
    """

    label_names: tuple[str, ...]
    label_counts: Int[np.ndarray, " m"]
    class_names: tuple[str, ...]
    class_counts: Int[np.ndarray, " c"]
    thresholds: Float[np.ndarray, " m"] | None
    n_features: int
    splits: dict[str, FeatureSplit]
    trained: bool = True

    @property
    def remarks(self) -> dict[str, str]:
        """What differs from what was asked for, for the metrics."""
        if self.trained or self.thresholds is None:
            return {}
        return {"decision": "half, for there are no training images"}


def read_features(
    path: Path,
    splits: Sequence[str],
    *,
    decision: Decision,
    needs: Collection[Output] = OUTPUTS,
    reads: Collection[Output] = OUTPUTS,
) -> FeatureDump:
    """Read the splits of a feature dump.

    Args:
        path: The dump.
        splits: Those wanted; what the training images say of all is read in any case, if there
            are some.
        decision: When an image counts as having a label, see `label_thresholds`; without training
            images `half`.
        needs: What a network said of images that is needed. Of the rest, what there is not has no
            columns; without logits images are taken for no class, -1.
        reads: What of it is read; the rest has no columns either, see `read_feature_rows`.

    Raises:
        NotApplicable: if the dump lacks what is needed, or training images that are wanted.
        InputError: if the file is absent, damaged or lacks a split, a number is not finite, or a
            target is of no class; it says what to run.
    """
    with _open_features(path, sorted({*splits} - {"train"})) as file:
        trained = "train" in list(file.attrs["splits"])
        there: list[Output] = [each for each in _find_outputs(file) if each in reads]
        _require_whole(file)
        if reason := _find_lack(file, splits, needs):
            raise NotApplicable(reason)
        labels = tuple(str(name) for name in file.attrs["class_names"])
        task = str(file.attrs["task"])
        require_outputs(file, ("class_names", "counts"))
        names = class_names(labels, task=task)
        thresholds = _thresholds(file, decision) if "logits" in there else None
        members = true_classes(_read_targets(file, "train"), labels) if trained else None
        loaded = {
            split: _read_split(file, split, labels, thresholds, there=there) for split in splits
        }
        first = file.get(f"{file.attrs['splits'][0]}/features")
        return FeatureDump(
            label_names=labels,
            label_counts=np.asarray(file.attrs["counts"]),
            class_names=names,
            class_counts=np.zeros(len(names), dtype=np.int64)
            if members is None
            else count_members(members, n_classes=len(names)),
            thresholds=thresholds,
            n_features=0 if first is None else first.shape[1],
            splits=loaded,
            trained=trained,
        )


def read_splits(path: Path) -> tuple[str, ...]:
    """Read which splits a feature dump has.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    with _open_features(path, []) as file:
        return tuple(map(str, file.attrs["splits"]))


def read_feature_rows(
    path: Path, split: str, *, n_rows: int
) -> Iterator[Float[np.ndarray, "k d"]]:
    """Yield the features of one split, some images at a time; nothing where there are none.

    Args:
        path: The dump.
        split: The split.
        n_rows: Images at a time.

    Raises:
        InputError: if the file is absent, damaged or lacks the split, or a number is not finite;
            it says what to run.
    """
    with _open_features(path, [split]) as file:
        name = f"{split}/features"
        stored = file.get(name, ())
        for start in range(0, len(stored), n_rows):
            rows = stored[start : start + n_rows]
            require(np.isfinite(rows), file, name, "finite numbers", start=(start, 0))
            yield rows


def tells_of(path: Path, splits: Sequence[str], *, needs: Collection[Output] = OUTPUTS) -> bool:
    """Tell whether a feature dump has what is needed, see `read_features`.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    with _open_features(path, sorted({*splits} - {"train"})) as file:
        return _find_lack(file, splits, needs) is None


def _find_outputs(file: Any) -> list[Output]:  # noqa: ANN401 - an h5py file
    """List what the network said of the images of all splits."""
    splits = list(file.attrs["splits"])
    return [one for one in OUTPUTS if all(f"{split}/{one}" in file for split in splits)]


def _require_whole(file: Any) -> None:  # noqa: ANN401 - an h5py file
    """Refuse a dump that has of one split what it lacks of another."""
    splits, path = [str(split) for split in file.attrs["splits"]], Path(file.filename)
    for output in OUTPUTS:
        absent = [split for split in splits if f"{split}/{output}" not in file]
        if absent and len(absent) < len(splits):
            found = ", ".join(map(repr, file[absent[0]]))
            raise InputError(
                f"{path} has no dataset '{absent[0]}/{output}' (found: {found}); "
                f"run: dvc repro dump_features@{path.stem}"
            )


def _find_lack(
    file: Any,  # noqa: ANN401 - an h5py file
    splits: Collection[str],
    needs: Collection[Output],
) -> str | None:
    """Say what of that which is needed is not in a dump, None if all is."""
    run, there = Path(file.filename).stem, _find_outputs(file)
    if "train" in splits and "train" not in list(file.attrs["splits"]):
        return f"{run} has no training images"
    return next(
        (f"{run} has no {output}" for output in OUTPUTS if output in {*needs} - {*there}), None
    )


def _thresholds(file: Any, decision: Decision) -> Float[np.ndarray, " m"] | None:  # noqa: ANN401
    """Return the smallest sufficient score per label; None where classes exclude each other."""
    if str(file.attrs["task"]) == "multiclass":
        return None
    if "train" in list(file.attrs["splits"]):
        return label_thresholds(
            _scores(file, "train"), _read_targets(file, "train"), decision=decision
        )
    none = np.empty((0, len(file.attrs["class_names"])))
    return label_thresholds(none, none.astype(np.uint8), decision="half")


def _read_split(
    file: Any,  # noqa: ANN401 - an h5py file
    split: str,
    labels: Sequence[str],
    thresholds: Float[np.ndarray, " m"] | None,
    *,
    there: Collection[Output],
) -> FeatureSplit:
    targets = _read_targets(file, split)
    classes = true_classes(targets, labels)
    nothing = np.empty((len(targets), 0), dtype=np.float32)
    logits = scores = nothing
    predictions = np.full_like(classes, -1 if classes.ndim == 1 else False)
    if "logits" in there:
        scores, logits = _scores(file, split), file[f"{split}/logits"][:]
        decided = predicted_classes(scores, labels, thresholds=thresholds)
        predictions = where_known(decided, targets, labels)
    return FeatureSplit(
        features=read_finite(file, f"{split}/features") if "features" in there else nothing,
        logits=logits,
        scores=scores,
        targets=targets,
        index=file[f"{split}/index"][:],
        classes=classes,
        predictions=predictions,
        known=known_classes(targets, labels),
    )


def _scores(file: Any, split: str) -> Float[np.ndarray, "n m"]:  # noqa: ANN401
    """Return what a softmax or a decision per label is taken on."""
    name, scale = f"{split}/logits", np.float32(file.attrs["logit_scale"])
    with np.errstate(all="ignore"):
        scores = read_finite(file, name) * scale + read_finite(file, "head/offset")
    require(np.isfinite(scores), file, name, "finite when scaled")
    return scores


def _read_targets(file: Any, split: str) -> Targets:  # noqa: ANN401 - an h5py file
    name, n_outputs, task = f"{split}/targets", len(file["head/offset"]), file.attrs["task"]
    targets = file[name][:]
    if (targets.ndim == 1) != (task == "multiclass"):
        path = Path(file.filename)
        raise InputError(
            f"{path} has {targets.ndim} dimensions in {name!r}, which the task {str(task)!r} does "
            f"not have; run: {repeat_command(FEATURES, path)}"
        )
    below = n_outputs if targets.ndim == 1 else 2
    require((targets >= 0) & (targets < below), file, name, f"0..{below - 1}")
    unknown = file.get(f"{split}/unknown")
    return mark_unknown(targets, None if unknown is None else unknown[:])


def require_same_images(paths: Sequence[Path], splits: Sequence[str]) -> None:
    """Check that feature dumps are of the same images, with the same labels.

    Raises:
        InputError: if they are not, or a file is absent, damaged or lacks a split; it says what
            to run.
    """
    first: dict[tuple[str, str], np.ndarray] = {}
    for path in paths:
        with _open_features(path, splits) as file:
            for split in splits:
                own = {"images": file[f"{split}/index"][:], "labels": _read_targets(file, split)}
                for what, values in own.items():
                    if not np.array_equal(values, first.setdefault((split, what), values)):
                        stem = paths[0].stem
                        raise InputError(
                            f"{path}: the {what} of {split} are not those of {stem}; "
                            f"run: dvc repro dump_features@{stem} dump_features@{path.stem}"
                        )


def _open_features(path: Path, splits: Sequence[str]) -> AbstractContextManager[Any]:
    return open_checked(
        path,
        FEATURES,
        FEATURES_VERSION,
        FEATURE_VARIABLES,
        command=f"dvc repro dump_features@{path.stem}",
        needs=splits,
        attributes=FEATURE_ATTRIBUTES,
    )


def read_saliency_ranks(
    path: Path, split: str, *, like: tuple[int, ...] | None = None
) -> UInt16[np.ndarray, "n h w"] | UInt32[np.ndarray, "n h w"]:
    """Read the saliency ranks of one split.

    Args:
        path: The dump.
        split: The split.
        like: Images, height and width that are to be ranked; None for whatever there is.

    Raises:
        InputError: if the file is absent, damaged or lacks the split, is of other images, or an
            image does not have each rank once; it says what to run.
    """
    with open_checked(
        path,
        SALIENCY,
        SALIENCY_VERSION,
        SALIENCY_VARIABLES,
        command=f"dvc repro dump_saliency@{path.stem}",
        needs=[split],
    ) as file:
        name = f"{split}/rank"
        ranks = file[name][:]
        if like not in (None, ranks.shape):
            raise InputError(
                f"{path} has shape {ranks.shape} in {name!r} (wanted: that of images, {like}); "
                f"run: {repeat_command(SALIENCY, path)}"
            )
        n_pixels = int(np.prod(ranks.shape[1:]))
        require(ranks < n_pixels, file, name, f"0..{n_pixels - 1}")
        for row, own in enumerate(ranks):
            if np.bincount(own.ravel(), minlength=n_pixels).max(initial=0) > 1:
                raise InputError(
                    f"{path} has a rank twice in {name!r} at [{row}] (wanted: each of 0.."
                    f"{n_pixels - 1} once); run: {repeat_command(SALIENCY, path)}"
                )
        return ranks
