"""Slow figures that several tests compare with."""

import math

import numpy as np
import pytest

NAN = math.nan


def close(expected):
    return pytest.approx(expected, nan_ok=True, abs=1e-12)


def slow_auroc(positive, negative):
    """Share of (positive, negative) score pairs in the right order, ties one half."""
    if not positive or not negative:
        return NAN
    wins = [1.0 if p > q else 0.5 if p == q else 0.0 for p in positive for q in negative]
    return sum(wins) / len(wins)


def slow_calibration(confidence, correct, n_bins):
    """Guo et al. 2017, equations 2-5."""
    total = 0.0
    for b in range(1, n_bins + 1):
        low, high = (b - 1) / n_bins, b / n_bins
        members = [i for i, p in enumerate(confidence) if low < p <= high or (b == 1 and p == 0)]
        if members:
            accuracy = sum(bool(correct[i]) for i in members) / len(members)
            mean = sum(float(confidence[i]) for i in members) / len(members)
            total += len(members) / len(confidence) * abs(accuracy - mean)
    return total


def ratio(top, bottom):
    return top / bottom if bottom else NAN


def draw_boxes(rng, n, *, size, n_images=4, n_classes=3):
    """Boxes anywhere inside images of some size, of any image and class."""
    corner = rng.integers(0, size - 1, (n, 2))
    extent = rng.integers(1, size - corner + 1)
    return np.hstack([rng.integers(0, [n_images, n_classes], (n, 2)), corner, extent])
