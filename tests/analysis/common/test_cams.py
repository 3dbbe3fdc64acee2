import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from imbalens.analysis.common.cams import (
    class_activation_maps,
    normalize_maps,
    pair_cams,
    resize_maps,
)

SIDES = st.integers(1, 9)


def some_maps(*shape, dtype=np.float64):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def slow_cam(maps, weights):
    """Definition: at each place, the sum over channels of weight times activation."""
    p, k, h, w = maps.shape
    cams = np.zeros((p, h, w))
    for pair in range(p):
        for row in range(h):
            for column in range(w):
                for channel in range(k):
                    value = maps[pair, channel, row, column]
                    cams[pair, row, column] += weights[pair, channel] * value
    return cams


def slow_resize(values, size):
    """Definition: a new pixel's centre lies between four old ones, the outermost repeated."""
    (h, w), (h_out, w_out) = values.shape, size
    resized = np.zeros(size)
    for row in range(h_out):
        for column in range(w_out):
            y = min(max((row + 0.5) * h / h_out - 0.5, 0), h - 1)
            x = min(max((column + 0.5) * w / w_out - 0.5, 0), w - 1)
            for i in range(h):
                for j in range(w):
                    resized[row, column] += (
                        max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) * values[i, j]
                    )
    return resized


def test_by_hand():
    maps = np.array([[[[1.0, 0.0]], [[2.0, 3.0]]], [[[1.0, 5.0]], [[0.0, 1.0]]]])
    weights = np.array([[1.0, -1.0], [2.0, 4.0]])
    plain = class_activation_maps(maps, weights)
    assert plain.tolist() == [[[-1.0, -3.0]], [[2.0, 14.0]]]
    assert normalize_maps(plain).tolist() == [[[1.0, 0.0]], [[0.0, 1.0]]]
    assert normalize_maps(np.maximum(plain, 0)).tolist() == [[[0.0, 0.0]], [[0.0, 1.0]]]
    wider = resize_maps(plain, size=(2, 4))
    assert wider[1].tolist() == [[2.0, 5.0, 11.0, 14.0]] * 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_definition(dtype):
    maps, weights = some_maps(3, 4, 2, 5, dtype=dtype), some_maps(3, 4, dtype=dtype)
    found = class_activation_maps(maps, weights)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, slow_cam(maps, weights), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_maps_of_pairs_are_those_of_their_images_however_they_are_read(step):
    maps, head = some_maps(5, 4, 2, 3), some_maps(3, 4)
    pairs = np.array([[0, 1], [0, 2], [3, 0], [4, 1]])
    blocks = [(slice(i, min(i + step, 5)), maps[i : i + step]) for i in range(0, 5, step)]
    found = pair_cams(iter(blocks), pairs, head)
    np.testing.assert_array_equal(
        found, class_activation_maps(maps[pairs[:, 0]], head[pairs[:, 1]])
    )
    with pytest.raises(ValueError, match="blocks hold the images of 3 of 4 pairs"):
        pair_cams([(slice(0, 4), maps[:4])], pairs, head)
    with pytest.raises(ValueError, match="of 0 of 4 pairs"):
        pair_cams([], pairs, head)


def test_no_pairs_give_no_maps():
    cams = class_activation_maps(np.zeros((0, 4, 2, 3)), np.zeros((0, 4)))
    assert normalize_maps(resize_maps(cams, size=(6, 6))).shape == (0, 6, 6)


@given(maps=arrays(np.float32, (3, 2, 4), elements=st.floats(-100, 100, width=32)))
@settings(deadline=None, max_examples=50)
def test_normalised_maps_span_0_to_1_or_are_0(maps):
    found = normalize_maps(maps)
    assert found.dtype == np.float32
    for values, normalised in zip(maps, found, strict=True):
        if values.min() == values.max():
            assert not normalised.any()
            continue
        assert (normalised.min(), normalised.max()) == (0, 1)
        order = np.argsort(values, axis=None, kind="stable")
        assert (np.diff(normalised.ravel()[order]) >= 0).all()


@given(h=SIDES, w=SIDES, h_out=st.integers(1, 30), w_out=st.integers(1, 30))
@settings(deadline=None, max_examples=50)
def test_resizing_equals_pytorch(h, w, h_out, w_out):
    # PyTorch places its samples in the precision of the maps
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-12)):
        maps = np.clip(some_maps(2, h, w, dtype=dtype), -1, 1)
        expected = interpolate(
            torch.from_numpy(maps)[:, None],
            size=(h_out, w_out),
            mode="bilinear",
            align_corners=False,
        )
        found = resize_maps(maps, size=(h_out, w_out))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected[:, 0].numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("shape", "size"), [((7, 7), (224, 224)), ((28, 28), (224, 224))])
def test_resizing_equals_pytorch_at_the_papers_sizes(shape, size):
    maps = np.clip(some_maps(2, *shape, dtype=np.float32), -1, 1)
    expected = interpolate(torch.from_numpy(maps)[None], size=size, mode="bilinear")[0].numpy()
    np.testing.assert_allclose(resize_maps(maps, size=size), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(8, 12), (2, 5), (5, 3), (1, 1), (4, 6)])
def test_resizing_equals_the_definition(size):
    maps = some_maps(1, 4, 6)
    np.testing.assert_allclose(
        resize_maps(maps, size=size)[0], slow_resize(maps[0], size), rtol=0, atol=1e-12
    )


@given(h=SIDES, w=SIDES, h_out=SIDES, w_out=SIDES)
@settings(deadline=None, max_examples=30)
def test_laws_of_resizing(h, w, h_out, w_out):
    maps = some_maps(2, h, w)
    found = resize_maps(maps, size=(h_out, w_out))
    np.testing.assert_array_equal(resize_maps(maps, size=(h, w)), maps)
    turned = resize_maps(maps.transpose(0, 2, 1), size=(w_out, h_out)).transpose(0, 2, 1)
    np.testing.assert_allclose(turned, found, rtol=0, atol=1e-12)
    assert found.min() >= maps.min() - 1e-12
    assert found.max() <= maps.max() + 1e-12
    maps[1] = np.pi
    np.testing.assert_array_equal(resize_maps(maps, size=(h_out, w_out))[1], np.pi)
