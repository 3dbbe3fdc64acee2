"""Print 95 % intervals of accuracy by groups (tracks, patients) and by images, and of differences.

    python docs/results/gtsrb_intervals.py gtsrb_tracks

Run where `dvc repro` has left the dumps. The intervals of one training are percentiles of the
same draws that `differences` makes.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.differences import Images, differences
from imbalens.dumps.files import read_features
from imbalens.params.experiment import Params, baselines_of, settings
from imbalens.params.loading import load_params
from imbalens.reading import differences as reading


def main(dataset: str) -> None:
    """Print a line per training, and per measure over all classes that has an interval."""
    params = load_params()
    by_group = reading.read_images(dataset, params)
    by_image = {split: replace(images, patients=None) for split, images in by_group.items()}
    for over, images in (("groups", by_group), ("images", by_image)):
        print(f"intervals over {over}")
        print_trainings(dataset, params, images[params.analyses.performance.split])
        print_differences(dataset, params, images)


def print_trainings(dataset: str, params: Params, images: Images) -> None:
    """Print the accuracy of each training."""
    options = params.analyses.compare
    drawn = resample_images(
        images.n, n_resamples=options.n_resamples, seed=options.seed, patients=images.patients
    ).astype(np.float64)
    split = params.analyses.performance.split
    for run in (run for runs in settings(params, dataset).values() for run in runs):
        path = Path(f"data/dumps/features/{run}.h5")
        dump = read_features(path, [split], decision=params.analyses.labels.decision)
        found = dump.splits[split]
        right = found.scores.argmax(axis=1) == found.targets
        accuracies = drawn @ right / drawn.sum(axis=1)
        print_line(run, "accuracy", accuracies[0], *np.quantile(accuracies[1:], [0.025, 0.975]))


def print_differences(dataset: str, params: Params, images: dict[str, Images]) -> None:
    """Print what `differences` finds over all classes."""
    options = params.analyses.compare
    found = differences(
        {
            one: (reading.read_training(run, params) for run in runs)
            for one, runs in settings(params, dataset).items()
        },
        baselines_of(params, dataset),
        images,
        reading.definitions_of(params),
        reading.splits_of(dataset, params),
        confidence=options.confidence,
        n_resamples=options.n_resamples,
        seed=options.seed,
    )
    for one in found.differences:
        if one.class_name is None and np.isfinite(one.low):
            print_line(one.setting, one.measure, one.difference, one.low, one.high)


def print_line(what: str, measure: str, value: float, low: float, high: float) -> None:
    """Print a value and its interval."""
    print(f"  {what} {measure}: {value:.4f} ({low:.4f} to {high:.4f}), {high - low:.4f} wide")


if __name__ == "__main__":
    main(sys.argv[1])
