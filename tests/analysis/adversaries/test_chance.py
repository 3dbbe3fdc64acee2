"""The mean score of random predictions, against many that were drawn."""

import numpy as np
import pytest

from imbalens.analysis.adversaries.chance import random_jensen_shannon, random_prediction
from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import jensen_shannon, kl_divergence, log_loss, smooth

EPS, ALPHA = 1e-5, 0.5
DRAWS = 4_000


@pytest.mark.parametrize("n_classes", [3, 6])
def test_scores_are_the_mean_over_draws(n_classes):
    rng, others = np.random.default_rng(0), ~np.eye(n_classes, dtype=bool)
    errors = rng.poisson(1.0, (n_classes, n_classes)) * others
    errors[0] = 0
    counts, share = np.arange(float(n_classes)), off_diagonal_shares(errors)
    drawn = {"kld": [], "log_loss": [], "jensen_shannon": []}
    for _ in range(DRAWS):
        guess = off_diagonal_shares(rng.standard_exponential((n_classes, n_classes)))
        drawn["kld"].append(kl_divergence(share, guess, eps=EPS))
        smoothed = smooth(guess * counts[:, None], alpha=ALPHA)
        drawn["log_loss"].append(log_loss(errors, smoothed))
        drawn["jensen_shannon"].append(jensen_shannon(share, guess))
    predicted = random_prediction(counts, eps=EPS, alpha=ALPHA)
    found = {
        "kld": kl_divergence(share, predicted.share, eps=EPS),
        "log_loss": log_loss(errors, predicted.smoothed),
        "jensen_shannon": random_jensen_shannon(share),
    }
    for name, each in drawn.items():
        mean, error = np.mean(each, axis=0), np.std(each, axis=0) / np.sqrt(DRAWS)
        assert np.isnan(found[name][0]), "no errors"
        assert (np.abs(found[name] - mean)[1:] <= 4 * error[1:] + 1e-9).all(), name


def test_of_two_classes_there_is_one_other():
    predicted = random_prediction(np.array([3.0, 0.0]), eps=EPS, alpha=ALPHA)
    for share in (predicted.share, predicted.smoothed):
        np.testing.assert_allclose(share, [[0, 1], [1, 0]])
    assert random_jensen_shannon(np.array([[0.0, 1], [1, 0]])) == pytest.approx([0, 0])


@pytest.mark.parametrize("n_classes", [10, 1000])
def test_without_counts_all_is_smoothed_away(n_classes):
    """And of very many counts the log loss is the mean of -ln of a share: a harmonic number."""
    harmonic = (1 / np.arange(1, n_classes - 1)).sum()
    counts = np.where(np.arange(n_classes) == 0, 0.0, 1e12)
    smoothed = random_prediction(counts, eps=EPS, alpha=ALPHA).smoothed
    assert -np.log(smoothed[0, 1]) == pytest.approx(np.log(n_classes - 1))
    assert -np.log(smoothed[1, 0]) == pytest.approx(harmonic, abs=1e-6)
