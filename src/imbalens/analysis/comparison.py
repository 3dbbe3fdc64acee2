"""Every measure of every run against the baseline's, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imbalens.analysis.bootstrap import (
    PairedComparison,
    RunMeasure,
    average_repeats,
    compare_paired,
)
from imbalens.analysis.multiple_comparisons import adjust_for_family
from imbalens.analysis.run_measures import Measure


@dataclass(frozen=True)
class Difference:
    """How one measure of a run differs from its baseline's.

    Attributes:
        run: The run compared, the first of its repeats.
        baseline: The run compared with, the first of its repeats.
        stage: Stage that measured it.
        measure: Name of the measure.
        class_name: Class, None over all.
        baseline_value: Mean over the baseline's repeats.
        value: Mean over the run's repeats.
        difference: `value - baseline_value`; NaN, as all below, where it is undefined or too few
            images are behind it.
        low: Lower end of its interval.
        high: Upper end.
        p: Two-sided p of no difference.
        p_adjusted: The same, corrected for all differences of the family.
        images: Images behind it, of the side with the fewer.
        seeds: Trainings behind the side with the fewer.
        spread: Standard deviation of the run's value over its repeats; NaN of a single one.
    """

    run: str
    baseline: str
    stage: str
    measure: str
    class_name: str | None
    baseline_value: float
    value: float
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    images: int
    seeds: int
    spread: float


def compare_runs(
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    baselines: Mapping[str, str],
    *,
    confidence: float,
    min_images: int,
    seed: int,
) -> list[Difference]:
    """Compare runs with their baselines, measure by measure.

    Args:
        measured: Per run the measures of each of its repeats, on the same weights.
        baselines: The run that each run is compared with; baselines have no entry.
        confidence: Nominal coverage of the intervals.
        min_images: Images that must be behind both sides of a difference.
        seed: Of what stands for other training seeds.

    Returns:
        One difference per run, measure and class that all repeats of both sides have. The family
        that p is corrected for is all of them.
    """
    averaged = {run: _average(run, repeats, seed) for run, repeats in measured.items()}
    keys: list[tuple[str, Measure, RunMeasure, RunMeasure]] = []
    for run, baseline in baselines.items():
        for key, (measure, other) in averaged[run].items():
            if key in averaged[baseline]:
                keys.append((run, measure, averaged[baseline][key][1], other))
    compared = [
        compare_paired(base, other, confidence=confidence, min_images=min_images)
        for _, _, base, other in keys
    ]
    differences: list[Difference] = []
    for (run, measure, base, other), result, adjusted in zip(
        keys, compared, adjust_for_family(compared), strict=True
    ):
        seeds = min(base.n_repeats, other.n_repeats)
        for place, class_name in enumerate(measure.classes or (None,)):
            differences.append(
                _difference(
                    run,
                    baselines[run],
                    measure,
                    class_name,
                    result,
                    place,
                    p_adjusted=float(adjusted[place]),
                    seeds=seeds,
                    spread=_spread(other, place),
                )
            )
    return differences


def _average(
    run: str, repeats: Sequence[Sequence[Measure]], seed: int
) -> dict[tuple[str, str, tuple[str, ...] | None], tuple[Measure, RunMeasure]]:
    by_key: dict[tuple[str, str, tuple[str, ...] | None], list[Measure]] = {}
    for measures in repeats:
        for measure in measures:
            by_key.setdefault((measure.stage, measure.name, measure.classes), []).append(measure)
    return {
        key: (
            found[0],
            average_repeats(
                np.stack([measure.values for measure in found]),
                np.stack([measure.images for measure in found]),
                seed=seed,
                name=f"{run} {found[0].stage} {found[0].name}",
            ),
        )
        for key, found in by_key.items()
        if len(found) == len(repeats)
    }


def _difference(
    run: str,
    baseline: str,
    measure: Measure,
    class_name: str | None,
    result: PairedComparison,
    place: int,
    *,
    p_adjusted: float,
    seeds: int,
    spread: float,
) -> Difference:
    return Difference(
        run=run,
        baseline=baseline,
        stage=measure.stage,
        measure=measure.name,
        class_name=class_name,
        baseline_value=float(result.baseline[place]),
        value=float(result.value[place]),
        difference=float(result.difference[place]),
        low=float(result.low[place]),
        high=float(result.high[place]),
        p=float(result.p[place]),
        p_adjusted=p_adjusted,
        images=int(result.images[place]),
        seeds=seeds,
        spread=spread,
    )


def _spread(run: RunMeasure, place: int) -> float:
    if run.n_repeats < 2:
        return float("nan")
    return float(np.sqrt(run.repeat_variance[place] * run.n_repeats))
