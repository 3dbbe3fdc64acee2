"""Every measure of every run against the baseline's, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from imbalens.analysis.common.measured import Measure, over_shared_classes
from imbalens.analysis.differences.bootstrap import PairedComparison, compare_paired
from imbalens.analysis.differences.families import adjust_for_family
from imbalens.analysis.differences.repeats import RunMeasure, average_repeats

Key = tuple[str, str, tuple[str, ...] | None]  # stage, name and classes of a measure


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
        classes: Of a mean over classes how many they are; None of another measure.
        over: What the interval is over: images, or patients, and seeds if a side has several.
        freedom: Degrees of freedom of its Student's t; NaN where there is no interval.
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
    classes: int | None = None
    over: str = "images"
    freedom: float = float("nan")


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
        One difference per run, measure and class that all repeats of both sides have; of a mean
        over whatever classes are defined over those that all define, so that its values may differ
        from what either run's metrics are where `classes` does. Those over all classes are one
        family that p is corrected for, those of single classes another: the many classes, each
        with few images, would make the few means undecidable. A measure whose replicates say
        nothing of its interval has a difference only.
    """
    found = {run: _by_key(repeats) for run, repeats in measured.items()}
    averaged = {
        run: average_measures(run, repeats, seed=seed) for run, repeats in measured.items()
    }
    keys: list[tuple[str, Measure, RunMeasure, RunMeasure]] = []
    for run, baseline in baselines.items():
        for key, (measure, other) in averaged[run].items():
            if key not in averaged[baseline]:
                continue
            base = averaged[baseline][key][1]
            if measure.each is not None:
                own = found[run][key]
                shared = over_shared_classes([*own, *found[baseline][key]])
                measure, other = _average(run, key, shared[: len(own)], seed)
                _, base = _average(baseline, key, shared[len(own) :], seed)
            keys.append((run, measure, base, other))
    compared = [
        _as_far_as_known(
            measure, compare_paired(base, other, confidence=confidence, min_images=min_images)
        )
        for _, measure, base, other in keys
    ]
    differences: list[Difference] = []
    for (run, measure, base, other), result, adjusted in zip(
        keys, compared, _adjust([measure for _, measure, *_ in keys], compared), strict=True
    ):
        seeds = sorted((base.n_repeats, other.n_repeats))
        unit = "images" if measure.patients is None else "patients"
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
                    seeds=seeds[0],
                    spread=float(np.sqrt(other.seed_variance[place])),
                    over=f"{unit} and seeds" if seeds[1] > 1 else unit,
                )
            )
    return differences


def average_measures(
    run: str, repeats: Sequence[Sequence[Measure]], *, seed: int
) -> dict[Key, tuple[Measure, RunMeasure]]:
    """Average every measure that all repeats of a run have.

    Args:
        run: The first of the repeats, which names the random numbers.
        repeats: Measures of each repeat, on the same weights.
        seed: Of what stands for other training seeds.

    Returns:
        By stage, name and classes the measure of the first repeat and that of the run; of means
        over whatever classes are defined over those that all repeats define.
    """
    return {
        key: _average(run, key, over_shared_classes(found), seed)
        for key, found in _by_key(repeats).items()
    }


def _by_key(repeats: Sequence[Sequence[Measure]]) -> dict[Key, list[Measure]]:
    """Return the measures that all repeats have, of each repeat."""
    by_key: dict[Key, list[Measure]] = {}
    for measures in repeats:
        for measure in measures:
            by_key.setdefault((measure.stage, measure.name, measure.classes), []).append(measure)
    return {key: found for key, found in by_key.items() if len(found) == len(repeats)}


def _average(
    run: str, key: Key, found: Sequence[Measure], seed: int
) -> tuple[Measure, RunMeasure]:
    return found[0], average_repeats(
        np.stack([measure.values for measure in found]),
        np.stack([measure.images for measure in found]),
        np.stack([measure.units for measure in found]),
        seed=seed,
        name=f"{run} {key[0]} {key[1]} {'per class' if key[2] else 'over all'}",
    )


def _as_far_as_known(measure: Measure, result: PairedComparison) -> PairedComparison:
    """Leave the difference alone of a measure whose replicates say nothing of its interval."""
    if measure.has_interval:
        return result
    unknown = np.full_like(result.difference, np.nan)
    return replace(
        result,
        low=unknown,
        high=unknown,
        p=unknown,
        freedom=unknown,
        z=unknown,
        null_z=np.zeros_like(result.null_z),
    )


def _adjust(
    measures: Sequence[Measure], compared: Sequence[PairedComparison]
) -> list[Float[np.ndarray, " _"]]:
    """Correct p among the comparisons over all classes, and among those of single ones."""
    overall = [measure.classes is None for measure in measures]
    families = {
        of: iter(
            adjust_for_family(
                [c for c, is_of in zip(compared, overall, strict=True) if is_of == of]
            )
        )
        for of in (True, False)
    }
    return [next(families[of]) for of in overall]


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
    over: str,
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
        classes=measure.averaged,
        over=over,
        freedom=float(result.freedom[place]),
    )
