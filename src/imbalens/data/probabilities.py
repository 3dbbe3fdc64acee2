"""Logits of probabilities, whose order they keep."""

import numpy as np
from jaxtyping import Float, Float32, Int

from imbalens.errors import InputError

LEAST = 1e-38  # a smaller probability is taken for it, so that its logarithm is a number
LEAST_OFF_ONE = 2.0**-53  # a probability of a label nearer to 1 is taken to be so far off
SUM_TOLERANCE = 1e-3  # of the probabilities of an image's classes, from 1


def class_logits(
    probabilities: Float[np.ndarray, "n m"], *, place: str
) -> Float32[np.ndarray, "n m"]:
    """Return logits of classes that exclude each other: the logarithm of each probability.

    Probabilities below 1e-38, such as 0, count as 1e-38. A softmax of what is returned gives the
    probabilities again, divided by their sum.

    Args:
        probabilities: Of each class.
        place: File and name of the probabilities, for messages.

    Raises:
        InputError: naming the first row with a number outside 0..1, or whose sum is not 1 within
            0.001.
    """
    _require_within(probabilities, place)
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
    if len(wrong):
        raise InputError(
            f"{place}: row {wrong[0]} sums to {sums[wrong[0]]:.6g}; allowed: 1 within "
            f"{SUM_TOLERANCE}, or task: multilabel; such rows are {len(wrong):,}"
        )
    return np.log(np.maximum(probabilities.astype(np.float64), LEAST)).astype(np.float32)


def label_logits(
    probabilities: Float[np.ndarray, "n m"], *, place: str
) -> Float32[np.ndarray, "n m"]:
    """Return logits of labels that do not exclude each other: the log odds of each.

    Probabilities below 1e-38, such as 0, count as 1e-38, those nearer to 1 than 2 ** -53, such as
    1 itself, as so far off. Of a label, probabilities that differ have logits that differ, in the
    same order, although log odds have fewer digits than small probabilities: those that would
    become one number are moved to the next ones. So what is taken on ranks stays as it is.

    Args:
        probabilities: Of each label.
        place: File and name of the probabilities, for messages.

    Raises:
        InputError: naming the first row with a number outside 0..1.
    """
    _require_within(probabilities, place)
    wide = probabilities.astype(np.float64)
    odds = np.log(np.maximum(wide, LEAST)) - np.log(np.maximum(1 - wide, LEAST_OFF_ONE))
    clipped = np.clip(wide, LEAST, 1 - LEAST_OFF_ONE)
    columns = [_keep_order(*each) for each in zip(clipped.T, odds.T, strict=True)]
    return np.stack(columns, axis=1)


def _keep_order(
    values: Float[np.ndarray, " n"], odds: Float[np.ndarray, " n"]
) -> Float32[np.ndarray, " n"]:
    """Return odds in single precision, those of different values as different numbers."""
    _, first, where = np.unique(values, return_index=True, return_inverse=True)
    steps = _as_steps(odds[first].astype(np.float32))
    at_least = np.arange(len(steps))
    apart = np.maximum.accumulate(steps - at_least) + at_least
    return _from_steps(apart)[where]


def _as_steps(values: Float32[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Number single-precision numbers in their order, 0 as 0."""
    bits = (values + np.float32(0)).view(np.int32).astype(np.int64)  # -0 becomes 0
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _from_steps(steps: Int[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    bits = np.where(steps < 0, -steps | 0x80000000, steps)
    return bits.astype(np.uint32).view(np.float32)


def _require_within(probabilities: Float[np.ndarray, "n m"], place: str) -> None:
    outside = np.argwhere(~((probabilities >= 0) & (probabilities <= 1)))
    if len(outside):
        row, column = outside[0].tolist()
        raise InputError(
            f"{place}: found {probabilities[row, column]:.6g} at [{row}, {column}]; allowed: "
            "probabilities, from 0 to 1, or logits under that name"
        )
