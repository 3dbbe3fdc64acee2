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


def ratio(top, bottom):
    return top / bottom if bottom else NAN


def draw_boxes(rng, n, *, size, n_images=4, n_classes=3):
    """Boxes anywhere inside images of some size, of any image and class."""
    corner = rng.integers(0, size - 1, (n, 2))
    extent = rng.integers(1, size - corner + 1)
    return np.hstack([rng.integers(0, [n_images, n_classes], (n, 2)), corner, extent])
