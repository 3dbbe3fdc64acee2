import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.explore.neighbors import nearest_training


@given(seed=st.integers(0, 2**32 - 1), grid=st.booleans())
@settings(deadline=None, max_examples=30)
def test_agrees_with_slow_oracle(seed, grid):
    """On the grid distances are equal, but for no more rows than the spare candidates hold."""
    rng = np.random.default_rng(seed)
    train, queries = rng.normal(size=(12, 3)), rng.normal(size=(5, 3))
    if grid:
        train = np.repeat(np.arange(6.0)[:, None], 2, axis=0)
        queries = rng.integers(0, 6, (5, 1)).astype(np.float64)
    expected = [
        sorted(range(len(train)), key=lambda i: (math.dist(train[i], query), i))[:3]
        for query in queries
    ]
    assert nearest_training(train, queries, n_neighbors=3).tolist() == expected


def test_hand_made():
    train = np.array([[0.0], [10.0], [4.0]], dtype=np.float32)
    found = nearest_training(train, np.array([[4.0], [9.0]], dtype=np.float32), n_neighbors=2)
    assert found.tolist() == [[2, 0], [1, 2]]
    assert nearest_training(train, np.empty((0, 1)), n_neighbors=2).shape == (0, 2)


@pytest.mark.parametrize("n_neighbors", [0, 4])
def test_needs_as_many_training_images(n_neighbors):
    with pytest.raises(ValueError, match=rf"1\.\.3, .* found {n_neighbors}"):
        nearest_training(np.zeros((3, 2)), np.zeros((1, 2)), n_neighbors=n_neighbors)
