"""Arrays as users give them: what is taken, and what is said of the rest."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt8
from numpy.typing import ArrayLike

from imbalens.classes import (
    UNKNOWN,
    Classes,
    Targets,
    class_names,
    require_codes,
    true_classes,
    where_known,
)
from imbalens.errors import InputError

# dimensions of labels, and whether they are names
NUMBERS, NAMES, MATRIX = (1, False), (1, True), (2, False)


def take_numbers(what: str, given: ArrayLike, dims: str) -> Float[np.ndarray, "..."]:
    """Take finite numbers, in single precision where they are, else in double.

    Args:
        what: What the array is called in messages.
        given: Numbers of any type, in nested lists too.
        dims: What each axis stands for, such as "images features".

    Raises:
        InputError: naming what was found instead.
    """
    array = _take_any_numbers(what, given, dims)
    for axis, size in zip(dims.split()[1:], array.shape[1:], strict=True):
        if size == 0:
            raise InputError(f"{what} must have {axis}, found none in shape {list(array.shape)}")
    with np.errstate(over="ignore"):  # of numbers in more than double precision
        numbers = array.astype(np.float32 if array.dtype in ("float16", "float32") else np.float64)
    _refuse(~np.isfinite(numbers), what, numbers, "finite; leave these images out")
    return numbers


def take_integers(
    what: str, given: ArrayLike, dims: str, *, below: int | None = None
) -> Integer[np.ndarray, "..."]:
    """Take whole numbers, of any type.

    Args:
        what: What the array is called in messages.
        given: Numbers of any type, in nested lists too.
        dims: What each axis stands for.
        below: Each lies in 0 .. below - 1; None where any number may stand.

    Raises:
        InputError: naming what was found instead.
    """
    array = _take_any_numbers(what, given, dims)
    if array.dtype.kind == "f":
        _refuse(~np.isfinite(array), what, array, "finite; leave these images out")
        _refuse(array % 1 != 0, what, array, "whole numbers")
    if array.dtype.kind in "fu" and array.itemsize >= np.dtype(np.int64).itemsize:
        # which, as int64, would be one number
        _refuse(np.abs(array) >= 2.0**63, what, array, "below 2 ** 63 in size")
    if below is not None:
        _refuse((array < 0) | (array >= below), what, array, f"in 0..{below - 1}")
    # of images, which are many, no copy in a wider type
    return array if array.dtype.kind in "iu" else array.astype(np.int64)


def take_labels(
    names: Iterable[str] | None,
    *,
    n_scores: int | None = None,
    all_known: Collection[str] = (),
    **given: ArrayLike,
) -> tuple[tuple[str, ...], list[Targets]]:
    """Take labels: one per image, a number or a name, or a matrix of 0, 1, and -1 for not known.

    Args:
        names: Name of each class or label, in the order of their numbers or columns. By default
            those are the classes that occur, in order, or all columns of scores.
        n_scores: Columns of scores, one for each class or label; None without scores.
        all_known: Those of the arrays, such as predictions, in which no label may be unknown.
        given: Arrays of the same classes, as they are called in messages.

    Returns:
        Name of each class or label; codes, or a matrix of 0, 1 and `UNKNOWN`, for each of the
        arrays.

    Raises:
        InputError: naming what was found instead.
    """
    names = None if names is None else tuple(names)
    arrays = {what: _take(what, labels) for what, labels in given.items()}
    form, *others = {(array.ndim, array.dtype.kind == "U") for array in arrays.values()}
    if others or form not in (NUMBERS, NAMES, MATRIX):
        raise InputError(
            f"{', '.join(arrays)} must be numbers, one per image, or names, or 0 and 1 for each "
            f"label, all the same; found shapes {[array.shape for array in arrays.values()]}"
        )
    if form == MATRIX:
        width = next(iter(arrays.values())).shape[1] if n_scores is None else n_scores
        named = _take_names(names, range(width), n_scores)
        return named, [
            _take_matrix(what, array, n_labels=len(named), all_known=what in all_known)
            for what, array in arrays.items()
        ]
    if form == NAMES:
        if names is None and n_scores is not None:
            raise InputError("names are needed: of which class is each column of scores?")
        words = sorted({word for array in arrays.values() for word in array.tolist()})
        named = _take_names(names, words, n_scores)
        return named, [_take_codes(*each, named) for each in arrays.items()]
    whole = {
        what: take_integers(what, array, "images").astype(np.int64)
        for what, array in arrays.items()
    }
    numbers: Sequence[int] = np.unique(np.concatenate(list(whole.values()))).tolist()
    if names is not None or n_scores is not None:
        numbers = range(len(names) if names is not None else n_scores or 0)
    named = _take_names(names, numbers, n_scores)
    return named, [_take_codes(*each, numbers) for each in whole.items()]


def take_classes(
    names: Iterable[str] | None, **given: ArrayLike
) -> tuple[tuple[str, ...], list[Classes]]:
    """Take labels as `take_labels`, and say which classes images have, see `imbalens.classes`."""
    labels, targets = take_labels(names, n_scores=None, all_known=(), **given)
    return name_classes(labels, targets[0]), [true_classes(each, labels) for each in targets]


def name_classes(label_names: Sequence[str], targets: Targets) -> tuple[str, ...]:
    """Name the classes of images with such labels, see `imbalens.classes.class_names`."""
    return class_names(label_names, task="multiclass" if targets.ndim == 1 else "multilabel")


def see_classes(
    label_names: Sequence[str], targets: Targets, predictions: Targets
) -> tuple[Classes, Classes]:
    """Say which classes images have, and for which of those known of them they are taken.

    Args:
        label_names: Name of each class or label.
        targets: Labels, as `take_labels` gives them.
        predictions: What the images are taken for, in the same form, all known.
    """
    taken = where_known(true_classes(predictions, label_names), targets, label_names)
    return true_classes(targets, label_names), taken


def take_boxes(
    given: ArrayLike,
    names: Iterable[str] | None,
    *,
    image_size: int,
    n_images: int,
    n_classes: int | None,
) -> tuple[Int[np.ndarray, "b 6"], tuple[str, ...]]:
    """Take boxes, and the names of their classes.

    Args:
        given: Row of the image, class, x, y, width, height of each box.
        names: Name of each class; None for their numbers.
        image_size: Side of the images in pixels.
        n_images: Number of images.
        n_classes: Number of classes; None where `names`, or the boxes, say it.

    Raises:
        InputError: naming what was found instead.
    """
    if image_size < 1:
        raise InputError(f"image_size: found {image_size}; allowed: from 1")
    boxes = take_integers("boxes", given, "boxes 6").astype(np.int64)
    if boxes.shape[1] != 6:
        raise InputError(
            "boxes must have 6 columns, row of the image, class, x, y, width and height, "
            f"found {boxes.shape[1]}"
        )
    width = int(boxes[:, 1].max(initial=-1)) + 1 if n_classes is None else n_classes
    named = _take_names(names, range(width), n_classes)
    require_codes(boxes[:, 0], n_codes=n_images, name="images of boxes")
    require_codes(boxes[:, 1], n_codes=len(named), name="classes of boxes")
    return boxes, named


def require_logits(scores: Float[np.ndarray, "n m"], targets: Targets) -> None:
    """Refuse probabilities, which are easily taken for logits and would give wrong answers.

    Raises:
        InputError: if each row sums to 1, or each number of a label lies in 0..1.
    """
    within = scores.size > 0 and bool(((scores >= 0) & (scores <= 1)).all())
    if within and (targets.ndim == 2 or np.allclose(scores.sum(axis=1), 1, atol=1e-3)):
        inverse = "np.log(p)" if targets.ndim == 1 else "np.log(p / (1 - p))"
        raise InputError(
            f"scores must be logits, found probabilities; give {inverse}, p kept off 0 and 1"
        )


def require_same_images(**given: np.ndarray) -> None:
    """Refuse arrays that are of different numbers of images.

    Raises:
        InputError: naming them all.
    """
    sizes = {what: len(array) for what, array in given.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(
            f"{', '.join(sizes)} must be of the same images in one order, found "
            f"{', '.join(map(str, sizes.values()))} of them"
        )


def _take_names(
    names: Iterable[str] | None, otherwise: Iterable[object], n_classes: int | None
) -> tuple[str, ...]:
    named = tuple(map(str, otherwise if names is None else names))
    if n_classes not in (None, len(named)):
        raise InputError(f"names must be {n_classes}, one per class or label, found {len(named)}")
    if len(set(named)) < len(named):
        raise InputError(f"names must differ, found {', '.join(named)}")
    return named


def _take_matrix(
    what: str, array: np.ndarray, *, n_labels: int, all_known: bool
) -> UInt8[np.ndarray, "n m"]:
    if array.shape[1] != n_labels:
        raise InputError(f"{what} must have {n_labels} columns, found {array.shape[1]}")
    whole = take_integers(what, array, "images labels")
    least, rule = (0, "0 or 1") if all_known else (-1, "in 0..1, or -1 where it is not known")
    _refuse((whole < least) | (whole > 1), what, whole, rule)
    return np.where(whole == -1, UNKNOWN, whole).astype(np.uint8)


def _take_codes(what: str, labels: np.ndarray, allowed: Sequence[object]) -> Int[np.ndarray, " n"]:
    place = {label: code for code, label in enumerate(allowed)}
    for row, label in enumerate(labels.tolist()):
        if label not in place:
            listed = ", ".join(map(str, allowed))
            raise InputError(f"{what}: found {label!r} at row {row}; allowed: {listed}")
    return np.array([place[label] for label in labels.tolist()], dtype=np.int64)


def _take_any_numbers(what: str, given: ArrayLike, dims: str) -> np.ndarray:
    array, axes = _take(what, given), dims.split()
    if array.ndim != len(axes):
        raise InputError(
            f"{what} must be [{', '.join(axes)}], found an array of shape {list(array.shape)}"
        )
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers, found {array.ravel()[:1].tolist()}")
    return array


def _take(what: str, given: ArrayLike) -> np.ndarray:
    if np.ma.is_masked(given):  # or what is masked would count as it stands
        raise InputError(f"{what} must not be masked; leave these images out")
    try:
        array = np.asarray(given)
        if array.dtype.kind == "O":  # as pandas gives text, and numbers that may be missing
            texts = all(isinstance(value, str) for value in array.flat)
            return array.astype(np.str_ if texts else np.float64)
    except (RuntimeError, TypeError, ValueError) as error:  # the first of torch's, with gradients
        raise InputError(f"{what} must be an array of numbers or of names: {error}") from error
    return array


def _refuse(broken: Bool[np.ndarray, "..."], what: str, values: np.ndarray, rule: str) -> None:
    if broken.any():
        place = tuple(np.argwhere(broken)[0].tolist())
        found = str(values[place].item()).removesuffix(".0")  # rounded, it may obey the rule
        raise InputError(f"{what} must be {rule}; found {found} at {list(place)}")
