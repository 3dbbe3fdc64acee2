"""Slow figures that several tests compare with."""

import math

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
