import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.explore.embedding import principal_plane, umap_plane


def slow_plane(train, evaluation):
    """Definition: eigenvectors of the covariance, largest first, largest coordinate positive."""
    centred = train - train.mean(axis=0)
    covariance = sum(np.outer(row, row) for row in centred) / (len(train) - 1)
    values, vectors = np.linalg.eigh(covariance)
    axes = [vectors[:, -1], vectors[:, -2]]
    axes = [axis * np.sign(axis[np.abs(axis).argmax()]) for axis in axes]
    places = [
        np.array([[row @ axis for axis in axes] for row in each]).reshape(-1, 2)
        for each in (centred, evaluation - train.mean(axis=0))
    ]
    return *places, values[[-1, -2]] / values.sum()


def draw(seed, n=20, d=5):
    """Features that vary differently along each direction, so that the axes are distinct."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return [rng.normal(size=(size, d)) * 2.0 ** np.arange(d) @ turn + 3 for size in (n, 4)]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_principal_plane_agrees_with_the_definition(seed):
    train, evaluation = draw(seed)
    plane = principal_plane(train, evaluation)
    expected = slow_plane(train, evaluation)
    found = (plane.train, plane.evaluation, plane.explained)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-8)


def test_principal_plane_hand_made():
    """Three along the second feature, a little along the first; the sign is the larger's."""
    train = np.array([[0.0, 3.0], [0.0, -3.0], [1.0, 0.0], [-1.0, 0.0]])
    plane = principal_plane(train, np.array([[2.0, 5.0]]))
    np.testing.assert_allclose(plane.train, train[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(plane.evaluation, [[5.0, 2.0]], atol=1e-12)
    np.testing.assert_allclose(plane.explained, [0.9, 0.1])


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_order_and_shift_change_nothing_and_other_images_do_not_move_the_plane(seed):
    train, evaluation = draw(seed)
    order = np.random.default_rng(seed).permutation(len(train))
    plane = principal_plane(train, evaluation)
    other = principal_plane(train[order] + 7.0, evaluation[:1] + 7.0)
    np.testing.assert_allclose(other.train, plane.train[order], atol=1e-8)
    np.testing.assert_allclose(other.evaluation, plane.evaluation[:1], atol=1e-8)


def test_features_that_do_not_vary_lie_in_one_point():
    plane = principal_plane(np.full((5, 3), 0.1, dtype=np.float32), np.ones((2, 3)))
    assert plane.train.tolist() == [[0, 0]] * 5
    assert plane.evaluation.tolist() == [[0, 0]] * 2
    assert np.isnan(plane.explained).all()


def test_there_may_be_no_evaluation_images():
    train, _ = draw(0)
    assert principal_plane(train, np.empty((0, 5))).evaluation.shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, 3), (4, 1)])
def test_a_plane_needs_two_images_and_two_features(shape):
    with pytest.raises(ValueError, match=f"found {shape[0]} x {shape[1]}"):
        principal_plane(np.ones(shape), np.ones((1, shape[1])))


UMAP = {"n_neighbors": 4, "min_dist": 0.1, "seed": 0}


def test_umap_needs_more_images_than_neighbours():
    with pytest.raises(ValueError, match="more rows than n_neighbors=4, found 4"):
        umap_plane(np.ones((4, 3)), np.ones((1, 3)), **UMAP)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_umap_is_repeatable_and_keeps_groups_apart():
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install 'imbalens[umap]'")
    rng = np.random.default_rng(0)
    train = np.concatenate([rng.normal(size=(30, 5)), rng.normal(size=(30, 5)) + 50])
    plane = umap_plane(train, train[[0, -1]], **UMAP)
    again = umap_plane(train, train[[0, -1]], **UMAP)
    np.testing.assert_array_equal(plane.train, again.train)
    np.testing.assert_array_equal(plane.evaluation, again.evaluation)
    assert np.isnan(plane.explained).all()
    centres = plane.train[:30].mean(axis=0), plane.train[30:].mean(axis=0)
    for place, own in ((plane.evaluation[0], 0), (plane.evaluation[1], 1)):
        distances = [np.linalg.norm(place - centre) for centre in centres]
        assert np.argmin(distances) == own
