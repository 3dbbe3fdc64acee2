"""Every measure of every setting against the baseline's, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.measured import Measure, over_shared_classes
from imbalens.analysis.common.measures import CAM_ALIGNMENT, CONCEPTS, MATCHED_SCALE, ONE_EACH
from imbalens.analysis.differences.bootstrap import Pair, PairedComparison, compare, pair_runs
from imbalens.analysis.differences.families import adjust_for_family
from imbalens.analysis.differences.moderation import SeedVariance, expected_ratios, moderate
from imbalens.analysis.differences.repeats import (
    RunMeasure,
    average_repeats,
    pool_seed_variance,
)
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS

Key = tuple[str, str, tuple[str, ...] | None]  # stage, name and classes of a measure
MAIN = {
    (spec.stage, spec.name)
    for spec in (*OF_CLASSES, *OF_LABELS, *CAM_ALIGNMENT, *MATCHED_SCALE, *CONCEPTS)
    if spec.main
}


@dataclass(frozen=True)
class Difference:
    """How one measure of a setting differs from its baseline's.

    Attributes:
        setting: The setting compared.
        baseline: The setting compared with.
        stage: Stage that measured it.
        measure: Name of the measure.
        class_name: Class, None over all.
        baseline_value: Mean over the baseline's trainings.
        value: Mean over the setting's trainings.
        difference: `value - baseline_value`; NaN, as all below, where it is undefined or too few
            images are behind it.
        low: Lower end of its interval.
        high: Upper end.
        p: Two-sided p of no difference.
        p_adjusted: The same, corrected for all differences of the family.
        images: Images behind it, of the side with the fewer.
        seeds: Trainings behind the side with the fewer.
        spread: Standard deviation of the value over the setting's trainings; NaN of a single one.
        classes: Of a mean over classes how many they are; None of another measure.
        over: What the interval is over: images, or patients, and seeds if a side has several;
            else it says that it is of these trainings.
        freedom: Degrees of freedom of its Student's t; NaN where there is no interval.
    """

    setting: str
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
    over: str = f"images, {ONE_EACH}"
    freedom: float = float("nan")

    @property
    def of_loss(self) -> bool:
        """Whether it says something of other trainings: some of either side are repeats."""
        return self.over.endswith("seeds")


def compare_runs(
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    baselines: Mapping[str, str],
    *,
    confidence: float,
    min_images: int,
    seed: int,
) -> list[Difference]:
    """Compare settings with their baselines, measure by measure.

    Args:
        measured: Per setting the measures of each of its trainings, on the same weights.
        baselines: The setting that each is compared with; baselines have no entry.
        confidence: Nominal coverage of the intervals.
        min_images: Images that must be behind both sides of a difference.
        seed: Of what stands for chance in the correction of p.

    Returns:
        One difference per setting, measure and class that all trainings of both sides have; of a
        mean over whatever classes are defined over those that all define, so that its values may
        differ from what either side's metrics are where `classes` does. Variances over seeds are
        moderated among the measures over all classes, and among those of single classes. p is
        corrected among the main measures over all classes (`MAIN`), the others over all classes,
        and those of single classes: the many classes, each with few images, would make the few
        means undecidable. A measure whose replicates say nothing of its interval has a difference
        only.
    """
    found = {setting: _by_key(trainings) for setting, trainings in measured.items()}
    averaged = {setting: average_measures(trainings) for setting, trainings in measured.items()}
    compared_settings: list[str] = []
    measures: list[Measure] = []
    pairs: list[Pair] = []
    for setting, baseline in baselines.items():
        for key, (measure, other) in averaged[setting].items():
            if key not in averaged[baseline]:
                continue
            base = averaged[baseline][key][1]
            if measure.each is not None:
                own = found[setting][key]
                shared = over_shared_classes([*own, *found[baseline][key]])
                measure, other = _average(shared[: len(own)])
                _, base = _average(shared[len(own) :])
            compared_settings.append(setting)
            measures.append(measure)
            pairs.append(pair_runs(base, other, min_images=min_images))
    compared = [
        _as_far_as_known(measure, compare(pair, seeds, confidence=confidence))
        for measure, pair, seeds in zip(measures, pairs, _moderate(measures, pairs), strict=True)
    ]
    differences: list[Difference] = []
    corrected = _adjust(measures, compared, seed=seed)
    for setting, measure, pair, result, adjusted in zip(
        compared_settings, measures, pairs, compared, corrected, strict=True
    ):
        seeds = sorted((pair.baseline.n_repeats, pair.other.n_repeats))
        unit = "images" if measure.patients is None else "patients"
        for place, class_name in enumerate(measure.classes or (None,)):
            differences.append(
                _difference(
                    setting,
                    baselines[setting],
                    measure,
                    class_name,
                    result,
                    place,
                    p_adjusted=float(adjusted[place]),
                    seeds=seeds[0],
                    spread=float(np.sqrt(pair.other.seed_variance[place])),
                    over=f"{unit} and seeds" if seeds[1] > 1 else f"{unit}, {ONE_EACH}",
                )
            )
    return differences


def average_measures(
    repeats: Sequence[Sequence[Measure]],
) -> dict[Key, tuple[Measure, RunMeasure]]:
    """Average every measure that all trainings of a setting have.

    Args:
        repeats: Measures of each training, on the same weights.

    Returns:
        By stage, name and classes the measure of the first training and that of the setting; of
        means over whatever classes are defined over those that all trainings define.
    """
    return {key: _average(over_shared_classes(of)) for key, of in _by_key(repeats).items()}


def _by_key(repeats: Sequence[Sequence[Measure]]) -> dict[Key, list[Measure]]:
    """Return the measures that all trainings have, of each training."""
    by_key: dict[Key, list[Measure]] = {}
    for measures in repeats:
        for measure in measures:
            by_key.setdefault((measure.stage, measure.name, measure.classes), []).append(measure)
    return {key: found for key, found in by_key.items() if len(found) == len(repeats)}


def _average(found: Sequence[Measure]) -> tuple[Measure, RunMeasure]:
    """Average a measure of each training; return that of the first with it."""
    return found[0], average_repeats(
        np.stack([measure.values for measure in found]),
        np.stack([measure.images for measure in found]),
        np.stack([measure.units for measure in found]),
        interval=found[0].interval,
        share_of=np.stack([measure.share_units for measure in found]),
    )


def _moderate(measures: Sequence[Measure], pairs: Sequence[Pair]) -> list[SeedVariance]:
    """Moderate seed variances among the measures over all classes, and those of single ones."""
    pooled = [pool_seed_variance(pair.baseline, pair.other) for pair in pairs]
    # what seeds do to one training beside what images do to one
    units = [pair.of_images / pair.per_training for pair in pairs]
    expected = expected_ratios(
        [
            divide(variance, unit)[pair.decided & measure.has_interval]
            for (variance, _), unit, pair, measure in zip(
                pooled, units, pairs, measures, strict=True
            )
        ],
        [freedom for _, freedom in pooled],
        names=[(measure.stage, measure.name) for measure in measures],
        single=[measure.classes is not None for measure in measures],
    )
    return [
        moderate(*known, ratio * unit)
        for known, unit, ratio in zip(pooled, units, expected, strict=True)
    ]


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
    )


def _adjust(
    measures: Sequence[Measure], compared: Sequence[PairedComparison], *, seed: int
) -> list[Float[np.ndarray, " _"]]:
    """Correct p within each family."""
    members: dict[str, list[PairedComparison]] = {}
    families = [_family(measure) for measure in measures]
    for family, one in zip(families, compared, strict=True):
        members.setdefault(family, []).append(one)
    adjusted = {of: iter(adjust_for_family(some, seed=seed)) for of, some in members.items()}
    return [next(adjusted[of]) for of in families]


def _family(measure: Measure) -> str:
    if measure.classes is not None:
        return "per class"
    return "main" if (measure.stage, measure.name) in MAIN else "other"


def _difference(
    setting: str,
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
        setting=setting,
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
