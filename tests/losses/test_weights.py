import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from imbalens.losses.weights import (
    effective_number_weights,
    inverse_frequency_weights,
    label_effective_number_weights,
    label_frequency_weights,
    reduce_weighted,
)

quick = settings(deadline=None, max_examples=15)
class_counts = st.lists(st.integers(1, 100_000), min_size=2, max_size=12)
betas = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 0.9999])


@given(counts=class_counts)
@quick
def test_inverse_frequency_equals_the_formula(counts):
    total = sum(1 / n for n in counts)
    expected = [len(counts) / n / total for n in counts]
    weights = inverse_frequency_weights(torch.tensor(counts))
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-12)


@given(counts=class_counts, beta=betas)
@quick
def test_effective_number_equals_the_formula(counts, beta):
    raw = [1 / np.sum(beta ** np.arange(n)) for n in counts]
    weights = effective_number_weights(torch.tensor(counts), beta=beta)
    expected = [len(raw) * weight / sum(raw) for weight in raw]
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-9)


@given(counts=class_counts, beta=betas)
@quick
def test_weights_sum_to_the_classes_and_favour_the_rare(counts, beta):
    tensor = torch.tensor(counts)
    for weights in (
        inverse_frequency_weights(tensor),
        effective_number_weights(tensor, beta=beta),
    ):
        np.testing.assert_allclose(weights.sum().item(), len(counts), rtol=1e-12)
        by_count = weights[torch.argsort(tensor)]
        assert (by_count.diff() <= 1e-12).all()


@given(n=st.integers(1, 1000), c=st.integers(2, 20), beta=betas)
@quick
def test_balanced_counts_give_ones(n, c, beta):
    counts = torch.full((c,), n)
    for weights in (
        inverse_frequency_weights(counts),
        effective_number_weights(counts, beta=beta),
    ):
        np.testing.assert_allclose(weights.numpy(), np.ones(c), rtol=1e-12)


def test_known_weights():
    counts = torch.tensor([1, 2])
    half = effective_number_weights(counts, beta=0.5)
    np.testing.assert_allclose(half.numpy(), [1.2, 0.8], rtol=1e-12)
    inverse = inverse_frequency_weights(torch.tensor([1, 3]))
    np.testing.assert_allclose(inverse.numpy(), [1.5, 0.5], rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_reduction_is_that_of_pytorch(seed):
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(size=(7, 3)))
    targets = torch.from_numpy(generator.integers(0, 3, 7))
    weights = torch.from_numpy(generator.uniform(0.01, 5, 3))
    values = functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(
        reduce_weighted(values, targets, weights),
        functional.cross_entropy(logits, targets, weight=weights),
    )


def test_known_reduction():
    values = torch.tensor([1.0, 4.0, 10.0])
    targets = torch.tensor([0, 1, 1])
    assert reduce_weighted(values, targets, torch.tensor([2.0, 0.5])).item() == 3.0


def as_counts(values):
    return torch.tensor(values, dtype=torch.float64)


@given(positives=st.integers(0, 10**5), negatives=st.integers(0, 10**5), beta=betas)
@quick
def test_label_weights_equal_the_formulas_in_both_precisions(positives, negatives, beta):
    n = positives + negatives

    def effective(count):
        return 1 / np.sum(beta ** np.arange(count)) if count else 0.0

    plus, minus = effective(positives), effective(negatives)
    for precision, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-5)):
        counts = [torch.tensor([count], dtype=precision) for count in (positives, negatives)]
        for weights, expected in [
            (
                label_frequency_weights(*counts, unit_negatives=False),
                (negatives / n, positives / n) if n else (0, 0),
            ),
            (
                label_frequency_weights(*counts, unit_negatives=True),
                (negatives / positives if positives else 0, 1),
            ),
            (label_effective_number_weights(*counts, beta=beta, normalize=False), (plus, minus)),
            (
                label_effective_number_weights(*counts, beta=beta, normalize=True),
                (plus / (plus + minus), minus / (plus + minus)) if n else (0, 0),
            ),
        ]:
            assert weights[0].dtype == precision
            np.testing.assert_allclose(torch.cat(weights).numpy(), expected, rtol=tolerance)


def test_known_label_weights():
    positives, negatives = as_counts([1, 0, 4]), as_counts([3, 4, 0])

    def check(weights, positive, negative):
        np.testing.assert_allclose(weights[0].numpy(), positive, rtol=1e-12)
        np.testing.assert_allclose(weights[1].numpy(), negative, rtol=1e-12)

    plain = label_frequency_weights(positives, negatives, unit_negatives=False)
    check(plain, [0.75, 1, 0], [0.25, 0, 1])
    unit = label_frequency_weights(positives, negatives, unit_negatives=True)
    check(unit, [3, 0, 0], [1, 1, 1])
    half = label_effective_number_weights(positives, negatives, beta=0.5, normalize=False)
    check(half, [1, 0, 8 / 15], [4 / 7, 8 / 15, 0])
    share = label_effective_number_weights(positives, negatives, beta=0.5, normalize=True)
    check(share, [7 / 11, 0, 1], [4 / 11, 1, 0])
