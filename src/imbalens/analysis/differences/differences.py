"""What changes between trainings that see the same images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from imbalens.analysis.common.measured import Measure
from imbalens.analysis.differences.adversaries import Divergences, divergence_intervals
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.comparison import Difference, compare_runs
from imbalens.analysis.differences.measures_of_run import (
    Definitions,
    Drawn,
    Training,
    measure_run,
)


@dataclass(frozen=True)
class Images:
    """Images of one split.

    Attributes:
        n: How many they are.
        patients: Patient of each; None if each is of its own.
    """

    n: int
    patients: Int[np.ndarray, " n"] | None


@dataclass(frozen=True)
class Splits:
    """Which split is used for what.

    Attributes:
        evaluated: Split that performance is measured on.
        judged: Split whose errors are to be foretold.
        annotated: Split with boxes; None if no run has maps.
    """

    evaluated: str
    judged: str
    annotated: str | None


@dataclass(frozen=True)
class Differences:
    """How settings differ from their baselines.

    Attributes:
        measured: Per setting the measures of each of its trainings.
        differences: One per setting, measure and class.
        divergences: Per setting how well nearest adversaries foretell its errors.
        judged: Split whose errors are foretold.
        confidence: Nominal coverage of the intervals.
    """

    measured: Mapping[str, list[list[Measure]]]
    differences: list[Difference]
    divergences: Mapping[str, Divergences]
    judged: str
    confidence: float


def differences(
    trainings: Mapping[str, Iterable[Training]],
    baselines: Mapping[str, str],
    images: Mapping[str, Images],
    definitions: Definitions,
    splits: Splits,
    *,
    confidence: float,
    n_resamples: int,
    seed: int,
) -> Differences:
    """Compare settings with their baselines by paired bootstrap over the evaluation images.

    Args:
        trainings: Per setting each of its trainings; taken one after the other.
        baselines: The setting that each is compared with; baselines have no entry.
        images: The images of each split that is used.
        definitions: How a training is measured.
        splits: Which split is used for what.
        confidence: Nominal coverage of the intervals.
        n_resamples: Draws of the images, the same for all trainings.
        seed: Of the draws, and of what stands for chance in the correction of p.

    Raises:
        ValueError: as `measure_run` and `compare_runs`.
    """
    drawn = {
        split: Drawn(
            resample_images(these.n, n_resamples=n_resamples, seed=seed, patients=these.patients),
            these.patients,
            seed,
        )
        for split, these in images.items()
    }
    evaluated, judged = drawn[splits.evaluated], drawn[splits.judged]
    annotated = None if splits.annotated is None else drawn[splits.annotated]
    measured = {
        setting: [
            measure_run(training, evaluated, judged, annotated, definitions) for training in of
        ]
        for setting, of in trainings.items()
    }
    options = {"confidence": confidence, "min_images": definitions.min_images}
    return Differences(
        measured,
        compare_runs(measured, baselines, **options, seed=seed),
        divergence_intervals(measured, **options),
        splits.judged,
        confidence,
    )
