"""What of an experiment is allowed, and often not meant."""

import sys
from collections.abc import Collection

from imbalens.params.experiment import Params


def report_notices(params: Params, runs: Collection[str]) -> None:
    """Print a line on each checkpoint whose images may be normalised otherwise than it expects.

    Args:
        params: The experiment.
        runs: Names of the runs that are looked at.
    """
    pairs = [(params.runs[name].method, params.runs[name].dataset) for name in runs]
    for method, dataset in dict.fromkeys(pairs):
        checkpoint = params.methods[method].checkpoint
        if checkpoint is not None and params.datasets[dataset].normalization is None:
            print(
                f"notice: methods.{method}.checkpoint: its images are normalised by what the "
                f"training images of {dataset!r} measure; if its own training had other numbers, "
                f"set datasets.{dataset}.normalization to imagenet, or to their mean and std",
                file=sys.stderr,
            )
