"""What dumps hold, and reading them; needs no network and no torch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt16, UInt32

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
from imbalens.errors import InputError, NotApplicable
from imbalens.params.runs import Family
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

MAPS = "maps"
MAPS_VERSION = 1
MAP_ATTRIBUTES: Mapping[str, Kind] = {
    "run": "text",
    "split": "text",
    "network": "text",
    "class_names": "texts",
    "image_size": "integer",
}
MAP_VARIABLES = (
    Variable("maps", "float32", ("n", "k", "h", "w"), "last convolutional layer, after ReLU"),
    Variable("layer_maps", "float32", ("n", "k_layer", "h_layer", "w_layer"), "a layer", True),
    Variable("pairs", "int64", ("p", "2"), "row and class of each that has a box, sorted"),
    Variable("untrained_cams", "float32", ("p", "h", "w"), "of random weights, as they are", True),
    Variable("cams", "float32", ("p", "h", "w"), "where head . mean(maps) is no logit", True),
    Variable("head/weight", "float32", ("m", "d"), "as in the feature dump; d = k without cams"),
    Variable("head/bias", "float32", ("m",), "as in the feature dump"),
    Variable("boxes", "int64", ("b", "6"), "row, class, x, y, w, h in pixels of the image"),
    Variable("row", "int64", ("n",), "row of the image in the prepared split"),
    Variable("index", "int64", ("n",), "position in the source's split"),
)
# Where the head is applied to something else than the maps' means, the attribute `cam` is
# "grad_cam", and `cams` holds Grad-CAM of each pair; else it is not there.
CAM, GRAD_CAM = "cam", "grad_cam"
MAP_BUDGET = 2**28  # bytes of maps in memory at a time


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

    Raises:
        NotApplicable: if the dump lacks what is needed, or training images that are wanted.
        InputError: if the file is absent, damaged or lacks a split, a number is not finite, or a
            target is of no class; it says what to run.
    """
    with _open_features(path, sorted({*splits} - {"train"})) as file:
        trained, there = "train" in list(file.attrs["splits"]), _find_outputs(file)
        _require_whole(file)
        if reason := _find_lack(file, splits, needs):
            raise NotApplicable(reason)
        labels = tuple(str(name) for name in file.attrs["class_names"])
        task = str(file.attrs["task"])
        _require_outputs(file, ("class_names", "counts"))
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
        features=_read_finite(file, f"{split}/features") if "features" in there else nothing,
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
        scores = _read_finite(file, name) * scale + _read_finite(file, "head/offset")
    _require(np.isfinite(scores), file, name, "finite when scaled")
    return scores


def _require_outputs(file: Any, attributes: Sequence[str]) -> None:  # noqa: ANN401
    head = file.get("head/offset", file.get("head/weight"))  # which maps have, and some features
    n_outputs, path = len(head), Path(file.filename)
    for name in attributes:
        if len(file.attrs[name]) != n_outputs:
            raise InputError(
                f"{path} has {len(file.attrs[name])} in the attribute {name!r} (wanted: "
                f"{n_outputs}, one per output); run: {_repeat(str(file.attrs['schema']), path)}"
            )


def _read_targets(file: Any, split: str) -> Targets:  # noqa: ANN401 - an h5py file
    name, n_outputs, task = f"{split}/targets", len(file["head/offset"]), file.attrs["task"]
    targets = file[name][:]
    if (targets.ndim == 1) != (task == "multiclass"):
        path = Path(file.filename)
        raise InputError(
            f"{path} has {targets.ndim} dimensions in {name!r}, which the task {str(task)!r} does "
            f"not have; run: {_repeat(FEATURES, path)}"
        )
    below = n_outputs if targets.ndim == 1 else 2
    _require((targets >= 0) & (targets < below), file, name, f"0..{below - 1}")
    unknown = file.get(f"{split}/unknown")
    return mark_unknown(targets, None if unknown is None else unknown[:])


def _read_finite(file: Any, name: str) -> Float[np.ndarray, "..."]:  # noqa: ANN401
    values = file[name][:]
    _require(np.isfinite(values), file, name, "finite numbers")
    return values


def _require(
    right: Bool[np.ndarray, "..."],
    file: Any,  # noqa: ANN401 - an h5py file
    name: str,
    rule: str,
    *,
    start: tuple[int, int] = (0, 0),
) -> None:
    """Refuse a dataset that breaks a rule, naming its first value that does.

    Args:
        right: Which values follow the rule, of the dataset from `start` on.
        file: The dump.
        name: Name of the dataset.
        rule: What is wanted.
        start: Place of the first of these values along the first two axes.
    """
    if not right.all():
        place = np.argwhere(~right)[0]
        place[:2] += start[: len(place)]
        path, found = Path(file.filename), file[name][tuple(place)].item()
        raise InputError(
            f"{path} has {found} in {name!r} at {place.tolist()} (wanted: "
            f"{rule}); run: {_repeat(str(file.attrs['schema']), path)}"
        )


def _repeat(schema_name: str, path: Path) -> str:
    """Return the command that writes a dump anew, even if DVC holds it to be what was written."""
    return f"dvc repro --force --single-item dump_{schema_name}@{path.stem}"


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
                f"run: {_repeat(SALIENCY, path)}"
            )
        n_pixels = int(np.prod(ranks.shape[1:]))
        _require(ranks < n_pixels, file, name, f"0..{n_pixels - 1}")
        for row, own in enumerate(ranks):
            if np.bincount(own.ravel(), minlength=n_pixels).max(initial=0) > 1:
                raise InputError(
                    f"{path} has a rank twice in {name!r} at [{row}] (wanted: each of 0.."
                    f"{n_pixels - 1} once); run: {_repeat(SALIENCY, path)}"
                )
        return ranks


@dataclass(frozen=True)
class MapsAbout:
    """What a dump of maps holds besides the maps.

    Attributes:
        class_names: Name of each class, or label, in order.
        network: Family of the network, in the words of analyses.yaml.
        split: Split of the prepared dataset that the images are of.
        image_size: Side of the images in pixels.
        shape: Images, channels, height and width of the maps.
        layer_shape: The same of the further layer's maps; None if there are none.
        head: Class weights of the head.
        cams: Grad-CAM of each pair of an image and a class that has a box, where logits are not
            `head` times the maps' means; None where class activation maps follow from these.
        untrained_cams: The same, or class activation maps, of the network with random weights;
            None if there are none.
        boxes: Row of the image in this dump, class, x, y, width, height in pixels.
        row: Row of each image in the prepared split.
    """

    class_names: tuple[str, ...]
    network: Family
    split: str
    image_size: int
    shape: tuple[int, ...]
    layer_shape: tuple[int, ...] | None
    head: Float[np.ndarray, "m d"]
    cams: Float[np.ndarray, "p h w"] | None
    untrained_cams: Float[np.ndarray, "p h w"] | None
    boxes: Int[np.ndarray, "b 6"]
    row: Int[np.ndarray, " n"]


def open_maps(path: Path) -> AbstractContextManager[Any]:
    """Open a dump of maps.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    return open_checked(
        path,
        MAPS,
        MAPS_VERSION,
        MAP_VARIABLES,
        command=f"dvc repro dump_maps@{path.stem}",
        attributes=MAP_ATTRIBUTES,
    )


def read_maps_about(path: Path) -> MapsAbout:
    """Read everything but the maps.

    Raises:
        InputError: if the file is absent or damaged, a number is not finite, a box is of no image
            or class or has pixels outside its image, or pairs are not those of the boxes; it says
            what to run.
    """
    with open_maps(path) as file:
        attributes = file.attrs
        further, untrained = file.get("layer_maps"), file.get("untrained_cams")
        _require_outputs(file, ("class_names",))
        cams, head = file.get("cams"), _read_finite(file, "head/weight")
        if (cams is None) != (attributes.get(CAM) is None) or (
            cams is None and head.shape[1] != file["maps"].shape[1]
        ):
            raise InputError(
                f"{path} has a head of {head.shape[1]} features for {file['maps'].shape[1]} maps, "
                f"{'no ' if cams is None else ''}'cams' and {attributes.get(CAM)!r} as attribute "
                f"{CAM!r}, which do not go together; run: {_repeat(MAPS, path)}"
            )
        boxes = _read_boxes(file, path)
        return MapsAbout(
            class_names=tuple(str(name) for name in attributes["class_names"]),
            network=str(attributes["network"]),
            split=str(attributes["split"]),
            image_size=int(attributes["image_size"]),
            shape=file["maps"].shape,
            layer_shape=None if further is None else further.shape,
            head=head,
            cams=None if cams is None else _read_finite(file, "cams"),
            untrained_cams=None if untrained is None else _read_finite(file, "untrained_cams"),
            boxes=boxes,
            row=_read_rows(file),
        )


def _read_boxes(file: Any, path: Path) -> Int[np.ndarray, "b 6"]:  # noqa: ANN401 - an h5py file
    boxes, side = file["boxes"][:], int(file.attrs["image_size"])
    n_images, n_classes = len(file["row"]), len(file["head/weight"])
    # of the corner and the size: at least one pixel, and none outside of the image
    most = np.column_stack([np.full((len(boxes), 2), side - 1), side - boxes[:, 2:4]])
    limits = np.column_stack(
        [np.full(len(boxes), n_images - 1), np.full(len(boxes), n_classes - 1)]
    )
    least = np.array([0, 0, 0, 0, 1, 1])
    rule = f"row and class of {n_images} and {n_classes}, pixels of {side} x {side}"
    _require((boxes >= least) & (boxes <= np.hstack([limits, most])), file, "boxes", rule)
    if not np.array_equal(file["pairs"][:], np.unique(boxes[:, :2], axis=0)):
        raise InputError(
            f"{path} has other 'pairs' than rows and classes in 'boxes'; "
            f"run: {_repeat(MAPS, path)}"
        )
    return boxes


def _read_rows(file: Any) -> Int[np.ndarray, " n"]:  # noqa: ANN401 - an h5py file
    rows = file["row"][:]
    _require(np.diff(rows, prepend=-1) > 0, file, "row", "rising from 0 on")
    return rows


def read_maps_by_image(path: Path) -> Iterator[tuple[slice, Float[np.ndarray, "b k h w"]]]:
    """Yield rows and all channels of as many images at a time as fit the budget.

    Raises:
        InputError: if the file is absent or damaged, or a map is not finite; it says what to run.
    """
    with open_maps(path) as file:
        maps = file["maps"]
        step = _aligned(maps, axis=0)
        for start in range(0, len(maps), step):
            block = maps[start : start + step]
            _require(np.isfinite(block), file, "maps", "finite numbers", start=(start, 0))
            yield slice(start, start + len(block)), block


def read_maps_by_channel(
    path: Path, name: str
) -> Iterator[tuple[int, Float[np.ndarray, "n b h w"]]]:
    """Yield the first channel and the maps of some channels, of all images, within the budget.

    Args:
        path: Dump of maps.
        name: `maps` or `layer_maps`.

    Raises:
        InputError: if the file is absent or damaged, or a map is not finite; it says what to run.
    """
    with open_maps(path) as file:
        maps = file[name]
        step = _aligned(maps, axis=1)
        for start in range(0, maps.shape[1], step):
            block = maps[:, start : start + step]
            _require(np.isfinite(block), file, name, "finite numbers", start=(0, start))
            yield start, block


def _aligned(maps: Any, *, axis: int) -> int:  # noqa: ANN401 - an h5py dataset
    """Return how many images or channels fit the budget, in whole chunks where one fits."""
    size = maps.shape[axis]
    fitting = max(1, MAP_BUDGET * size // max(1, maps.size * maps.dtype.itemsize))
    chunk = maps.chunks[axis] if maps.chunks else 1
    return min(size, max(fitting // chunk * chunk, 1) if fitting >= chunk else fitting)
