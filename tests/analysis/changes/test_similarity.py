import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.changes.similarity import cka_matrices, class_cka, linear_cka

SEEDS = st.integers(0, 10_000)
BOTH = pytest.mark.parametrize("debiased", [False, True])


def draw(seed, n=12, d=5):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(n, d))
    return first, first[:, :3] * rng.uniform(0.5, 2, 3) + rng.normal(size=(n, 3))


def plain_hsic(k, ell):
    """Kornblith et al., equation 3: the trace of K H L H."""
    n = len(k)
    h = np.eye(n) - np.ones((n, n)) / n
    return np.trace(k @ h @ ell @ h) / (n - 1) ** 2


def unbiased_hsic(k, ell):
    """Song et al., the unbiased estimator HSIC_1."""
    n, one = len(k), np.ones(len(k))
    k, ell = k - np.diag(np.diag(k)), ell - np.diag(np.diag(ell))
    return (
        np.trace(k @ ell)
        + (one @ k @ one) * (one @ ell @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ k @ ell @ one)
    ) / (n * (n - 3))


def oracle(first, second, debiased):
    hsic = unbiased_hsic if debiased else plain_hsic
    k, ell = first @ first.T, second @ second.T
    return hsic(k, ell) / np.sqrt(hsic(k, k) * hsic(ell, ell))


@given(seed=SEEDS, debiased=st.booleans(), n=st.integers(5, 20))
@settings(deadline=None, max_examples=40)
def test_agrees_with_the_definition_by_gram_matrices(seed, debiased, n):
    first, second = draw(seed, n)
    expected = oracle(first, second, debiased)
    assert linear_cka(first, second, debiased=debiased) == pytest.approx(expected, rel=1e-6)
    assert linear_cka(second, first, debiased=debiased) == pytest.approx(expected, rel=1e-6)
    assert abs(expected) <= 1 + 1e-9


@given(seed=SEEDS, debiased=st.booleans(), scale=st.sampled_from([1e-6, 0.5, -3.0, 1e6]))
@settings(deadline=None, max_examples=40)
def test_a_rotated_shifted_scaled_copy_is_the_same(seed, debiased, scale):
    first, second = draw(seed)
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    copy = scale * (first @ rotation + rng.normal(size=5))
    assert linear_cka(first, copy, debiased=debiased) == pytest.approx(1)
    assert linear_cka(copy, second, debiased=debiased) == pytest.approx(
        linear_cka(first, second, debiased=debiased)
    )


@given(seed=SEEDS, debiased=st.booleans())
@settings(deadline=None, max_examples=20)
def test_neither_the_order_of_images_nor_dead_features_matter(seed, debiased):
    first, second = draw(seed)
    expected = linear_cka(first, second, debiased=debiased)
    order = np.random.default_rng(seed).permutation(len(first))
    assert linear_cka(first[order], second[order], debiased=debiased) == pytest.approx(expected)
    padded = np.hstack([first, np.full((len(first), 2), 0.1)])
    assert linear_cka(padded, second, debiased=debiased) == pytest.approx(expected)


def test_only_the_debiased_estimate_tells_that_many_features_of_few_images_are_unrelated():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 20, 500))
    assert linear_cka(first, second, debiased=False) > 0.9
    assert abs(linear_cka(first, second, debiased=True)) < 0.1


def test_by_hand():
    # centred: (-1, 1, -1, 1) and (-1, -1, 1, 1), which have nothing in common
    first, second = np.array([[0.0], [2], [0], [2]]), np.array([[5.0], [5], [7], [7]])
    assert linear_cka(first, second, debiased=False) == 0
    # X'Y is (4, 0) and Y'Y is diag(4, 4): 16 / (4 * sqrt(32))
    both = np.hstack([first, second])
    assert linear_cka(first, both, debiased=False) == pytest.approx(1 / np.sqrt(2))


@BOTH
def test_where_all_images_have_the_same_features_it_is_undefined(debiased):
    first, _ = draw(0)
    constant = np.full((12, 3), 0.1, dtype=np.float32)
    assert np.isnan(linear_cka(first, constant, debiased=debiased))
    assert np.isnan(linear_cka(constant, constant, debiased=debiased))


def test_the_debiased_estimate_is_undefined_where_one_image_alone_differs():
    first, _ = draw(0)
    one = np.zeros((12, 3))
    one[4] = 0.3
    assert np.isnan(linear_cka(first, one, debiased=True))
    assert not np.isnan(linear_cka(first, one, debiased=False))


@pytest.mark.parametrize(("debiased", "fewest"), [(False, 2), (True, 4)])
def test_too_few_images_are_undefined(debiased, fewest):
    first, second = draw(3)
    for n in range(6):
        value = linear_cka(first[:n], second[:n], debiased=debiased)
        assert np.isnan(value) == (n < fewest)


@BOTH
def test_the_matrix_holds_every_pair(debiased):
    first, second = draw(1)
    runs = [first, second, np.zeros((12, 2)), np.float32(second[:, :1])]
    both = cka_matrices([lambda run=run: run for run in runs])
    matrix = both.debiased if debiased else both.plain
    for i, a in enumerate(runs):
        for j, b in enumerate(runs):
            assert matrix[i, j] == pytest.approx(linear_cka(a, b, debiased=debiased), nan_ok=True)
    np.testing.assert_array_equal(np.diag(matrix), [1, 1, np.nan, 1])


def test_classes_are_compared_by_themselves():
    first, second = draw(2, n=16)
    codes = np.array([0] * 6 + [2] * 5 + [3] * 5)
    second[codes == 2] = 2 * first[codes == 2, :3]
    first[codes == 2, 3:] = 0
    options = {"n_classes": 5, "debiased": True}
    found = class_cka(first, second, codes, min_images=5, **options)
    assert found[0] == linear_cka(first[:6], second[:6], debiased=True)
    assert found[2] == pytest.approx(1)
    np.testing.assert_array_equal(np.isnan(found), [False, True, False, False, True])
    fewer = class_cka(first, second, codes, min_images=6, **options)
    np.testing.assert_array_equal(np.isnan(fewer), [False, True, True, True, True])


def test_an_image_counts_for_each_of_its_labels():
    first, second = draw(2)
    members = np.zeros((12, 2), dtype=bool)
    members[:8, 0] = members[4:, 1] = True
    found = class_cka(first, second, members, n_classes=2, min_images=4, debiased=True)
    expected = [linear_cka(first[r], second[r], debiased=True) for r in np.s_[:8, 4:]]
    np.testing.assert_array_equal(found, expected)


def test_what_cannot_be_compared_is_refused():
    first, second = draw(0)
    with pytest.raises(ValueError, match=r"must be of the same images, found \[11, 12\]"):
        cka_matrices([lambda: first, lambda: second[:-1]])
    first[7, 2] = np.inf
    with pytest.raises(ValueError, match=r"must be finite, found 1 rows that are not.*row 7"):
        linear_cka(first, second, debiased=True)
    with pytest.raises(ValueError, match=r"classes must lie in 0..1, found 2 at position 6"):
        class_cka(second, second, np.arange(12) // 3, n_classes=2, min_images=4, debiased=True)
