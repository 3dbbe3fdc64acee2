"""Concepts are at matched scale: what raises logits alone changes no count."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.concepts.test_counting import COMBINATIONS, count, draw


@given(seed=st.integers(0, 10_000), options=st.sampled_from(COMBINATIONS))
@settings(deadline=None, max_examples=30)
def test_raising_channels_changes_no_count(seed, options):
    """What a change of the prior can do: other weights, larger activations, a constant more."""
    maps, boxes, sizes = draw(seed, n=3)
    rng = np.random.default_rng(seed)
    # powers of two and integers, so that nothing is rounded
    factor = 2.0 ** rng.integers(-3, 4, (1, maps.shape[1], 1, 1))
    shift = rng.integers(-4, 5, factor.shape)
    raised = (factor * maps + shift).astype(np.float32)
    before, after = count(maps, boxes, sizes, **options), count(raised, boxes, sizes, **options)
    for name, values in vars(before).items():
        if name != "tau":
            np.testing.assert_array_equal(getattr(after, name), values, err_msg=name)
    if options["threshold_scope"] == "dataset":
        expected = factor.ravel() * before.tau + shift.ravel()
        np.testing.assert_allclose(after.tau, expected, rtol=1e-12)


def test_every_channel_keeps_the_same_share_unless_it_is_mostly_zero():
    maps = np.random.default_rng(0).random((10, 3, 5, 4), dtype=np.float32)
    maps[:, 1] *= np.random.default_rng(1).random((10, 5, 4)) < 0.1  # below the share of 0.2
    maps[:, 2] = 0
    boxes = np.array([[row, 0, 0, 0, 20, 20] for row in range(10)])
    counts = count(maps, boxes, {"n_classes": 1, "image_size": 20}, n_peaks=10)
    kept = counts.peak_active.mean(axis=(1, 2, 3))
    assert kept.tolist() == [0.2, (maps[:, 1] > 0).mean(), 0]
