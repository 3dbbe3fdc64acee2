"""Scores of foretold errors under simulation: who is put first, and what intervals cover."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.adversaries.adversaries import NEAREST, RANDOM
from imbalens.analysis.adversaries.chance import random_prediction
from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import Prediction, score_prediction, smooth
from imbalens.analysis.common.measures import KLD, KLD_RANDOM, LOG_LOSS
from imbalens.analysis.differences.adversaries import adversary_measures
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.comparison import average_measures
from imbalens.analysis.differences.intervals import ratio_interval, value_interval

EPS, ALPHA = 1e-5, 0.5
CONCENTRATIONS = (0.2, 0.5, 1.0, 3.0)  # of the Dirichlet distribution of a class's errors
# neighbours and errors per class of a training of planted/ce, and its test images of each class
NEIGHBOURS = np.array([50, 39, 50, 5, 35, 18, 15, 15, 50, 68])
ERRORS = np.array([0, 0, 1, 1, 1, 2, 5, 4, 46, 60])
IMAGES = 60
RESAMPLES, SEED = 400, 0
OPTIONS = {"confidence": 0.95, "min_images": 10}

HEAD_ORDER = (
    "| errors of a class | simulations | perfect before uniform before random, by log loss |",
    "| --- | ---: | ---: |",
)
HEAD_COVERAGE = (
    "| images of a class | simulations | log loss | KLD | KLD of random over KLD |",
    "| --- | ---: | ---: | ---: | ---: |",
)


def order_rows(*, n: int) -> Iterator[str]:
    """Yield per distribution of errors how often a score puts three predictions in order."""
    for concentration in CONCENTRATIONS:
        share = count_in_order(concentration, n=n) / n
        yield f"| Dirichlet, {concentration:g} | {n} | {share:.1%} |"


def count_in_order(concentration: float, *, n: int) -> int:
    """Count simulations in which who knows comes before who says nothing before who guesses.

    Args:
        concentration: Of the Dirichlet distribution of a class's errors.
        n: Simulations.
    """
    rng, every = np.random.default_rng(SEED), np.ones(len(ERRORS), dtype=bool)
    guess = random_prediction(NEIGHBOURS.astype(float), eps=EPS, alpha=ALPHA)
    nothing = _predict(np.ones((len(ERRORS), len(ERRORS))))
    ordered = 0
    for _ in range(n):
        truth = _draw_truth(rng, concentration)
        errors, near = _draw_counts(rng, ERRORS, truth), _draw_counts(rng, NEIGHBOURS, truth)
        known, unsaid, guessed = (
            score_prediction(errors, predicted, judged=every, eps=EPS).log_loss
            for predicted in (_predict(near), nothing, guess)
        )
        ordered += known < unsaid < guessed
    return ordered


def coverage_rows(*, n: int) -> Iterator[str]:
    """Yield per size of a test set how often 95 % intervals hold the mean over such sets."""
    for images in (IMAGES, 5 * IMAGES):
        covered = _coverage(images, n=n)
        cells = [f"{covered[name]:.1%}" for name in (LOG_LOSS.name, KLD.name, "factor")]
        yield f"| {images} | {n} | {' | '.join(cells)} |"


def _coverage(images: int, *, n: int) -> Mapping[str, float]:
    """Simulate test sets of one network, whose errors and neighbours have one distribution."""
    rng = np.random.default_rng(SEED)
    truth = _draw_truth(rng, 0.5)
    near = _draw_counts(rng, NEIGHBOURS, truth)
    predictors = {
        NEAREST: _predict(near),
        RANDOM: random_prediction(NEIGHBOURS.astype(float), eps=EPS, alpha=ALPHA),
    }
    labels = np.repeat(np.arange(len(ERRORS)), images)
    chances = truth * ((ERRORS + 0.5) / (IMAGES + 1))[:, None]
    np.fill_diagonal(chances, 1 - chances.sum(axis=1))
    totals = np.cumsum(chances, axis=1)[labels]
    weights = resample_images(len(labels), n_resamples=RESAMPLES, seed=SEED)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(n):
        predictions = (rng.random((len(labels), 1)) > totals).sum(axis=1)
        measures = adversary_measures(
            weights, labels, predictions, predictors, errors="by_actual", eps=EPS, seed=SEED
        )
        averaged = average_measures([measures])
        of = {
            spec.name: averaged[spec.stage, spec.name, None][1]
            for spec in (LOG_LOSS, KLD, KLD_RANDOM)
        }
        intervals = {
            name: value_interval(of[name], **OPTIONS) for name in (LOG_LOSS.name, KLD.name)
        }
        intervals["factor"] = ratio_interval(of[KLD_RANDOM.name], of[KLD.name], **OPTIONS)
        for name, one in intervals.items():
            found.setdefault(name, []).append((one.value[0], one.low[0], one.high[0]))
    shares = {}
    for name, rows in found.items():
        value, low, high = np.array(rows).T
        # of a ratio what the means of both are, to first order: the geometric mean
        mean = np.exp(np.log(value).mean()) if name == "factor" else value.mean()
        shares[name] = float(((low <= mean) & (mean <= high)).mean())
    return shares


def _predict(counts: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"]) -> Prediction:
    return Prediction(off_diagonal_shares(counts), smooth(counts, alpha=ALPHA))


def _draw_truth(rng: np.random.Generator, concentration: float) -> Float[np.ndarray, "c c"]:
    return off_diagonal_shares(rng.gamma(concentration, size=(len(ERRORS), len(ERRORS))))


def _draw_counts(
    rng: np.random.Generator, sizes: Int[np.ndarray, " c"], truth: Float[np.ndarray, "c c"]
) -> Int[np.ndarray, "c c"]:
    return np.stack([rng.multinomial(*each) for each in zip(sizes, truth, strict=True)])
