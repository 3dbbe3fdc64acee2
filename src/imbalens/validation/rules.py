"""The rules of validation: how close results must come, and which numbers are headlines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from imbalens.errors import InputError
from imbalens.params.base import Section
from imbalens.params.dvc_yaml import read_yaml
from imbalens.params.errors import refuse
from imbalens.params.experiment import Params, baselines_of, settings
from imbalens.params.loading import validate

FOLDER = Path("validation")
RULES = FOLDER / "rules.yaml"
MEASURE = "imbalens validate measure"
FEWEST = 3  # headlines of a dataset whose runs are compared
Positive = Annotated[float, Field(gt=0, le=1e6)]
Tolerance = Annotated[float, Field(ge=0, le=1e6)]


class Closeness(Section):
    """How far floats of the same meaning may lie apart: by a share of the larger, or by so much.

    The latter is what a difference of equal numbers leaves where zero is meant.
    """

    relative: Positive
    absolute: Positive


class Rules(Section):
    """All rules.

    Attributes:
        pinned: For results on pinned dumps.
        multiple: Of the measured spread, that makes a headline's tolerance.
        candidates: Numbers of a run that may be headlines, `stage.key`.
        headlines: Per dataset the tolerance of each.
        too_wide: Per dataset the candidates whose tolerance hides what losses change.
    """

    pinned: Closeness
    multiple: Positive
    candidates: tuple[str, ...]
    headlines: dict[str, dict[str, Tolerance]]
    too_wide: dict[str, tuple[str, ...]]


def load_rules(root: Path) -> Rules:
    """Read the rules of a repository.

    Raises:
        InputError: if the file is missing or not of that form.
    """
    path = root / RULES
    problems: list[str] = []
    if not path.exists():
        raise InputError(f"{path}: is missing; write it with: {MEASURE}")
    try:
        rules = validate(read_yaml(path), Rules, path, problems)
    except InputError as error:
        rules, problems = None, [str(error)]
    if rules is None:
        raise InputError(f"{refuse(problems)}\nwrite it with: {MEASURE}")
    return rules


@dataclass(frozen=True)
class Headline:
    """One number of a run that is held wherever trainings come out otherwise.

    Attributes:
        run: Name of the run.
        measure: `stage.key`.
        tolerance: Largest difference allowed.
    """

    run: str
    measure: str
    tolerance: float

    @property
    def place(self) -> str:
        """Where the number lies among the metrics, see `values.read_values`."""
        return place_of(self.measure, self.run)


def place_of(measure: str, run: str) -> str:
    """Return where a measure of a run lies among the metrics: `stage/run.json:key`."""
    stage, _, key = measure.partition(".")
    return f"{stage}/{run}.json:{key}"


def largest_effects(
    metrics: Mapping[str, object], params: Params, measures: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Return per dataset and measure the largest difference of a setting from its baseline.

    The first training of each is taken. Measures that no two compared runs of a dataset have are
    left out.
    """
    effects: dict[str, dict[str, float]] = {name: {} for name in params.datasets}
    for dataset, found in effects.items():
        groups = settings(params, dataset)
        for sides in baselines_of(params, dataset).items():
            runs = [groups[side][0] for side in sides]
            for measure in measures:
                ours, theirs = (metrics.get(place_of(measure, run)) for run in runs)
                if isinstance(ours, float | int) and isinstance(theirs, float | int):
                    found[measure] = max(found.get(measure, 0.0), abs(ours - theirs))
    return effects


def tells_losses_apart(tolerance: float, effect: float) -> bool:
    """Whether a number with that tolerance is a headline: losses differ by over twice as much."""
    return tolerance < effect / 2


def choose_headlines(
    rules: Rules,
    metrics: Mapping[str, object],
    params: Params,
    effects_of: Sequence[Mapping[str, object]] = (),
) -> tuple[dict[str, list[Headline]], dict[str, list[str]]]:
    """Return per dataset the headlines, and the numbers that no longer are any.

    Args:
        rules: The rules.
        metrics: Computed now, `stage/run.json:key` to value.
        params: The experiment.
        effects_of: Metrics by whose effects a number is a headline, the largest counts: those
            computed now and those of the base, for nobody can choose them. Empty: `metrics`.
    """
    measures = tuple({name for of in rules.headlines.values() for name in of})
    found = [largest_effects(each, params, measures) for each in effects_of or (metrics,)]
    chosen: dict[str, list[Headline]] = {name: [] for name in params.datasets}
    fallen: dict[str, list[str]] = {name: [] for name in params.datasets}
    for dataset in params.datasets:
        runs = [name for name, run in params.runs.items() if run.dataset == dataset]
        for measure, tolerance in rules.headlines.get(dataset, {}).items():
            effect = max(each[dataset].get(measure, 0.0) for each in found)
            if not tells_losses_apart(tolerance, effect):
                fallen[dataset].append(measure)
                continue
            chosen[dataset] += [
                Headline(run, measure, tolerance)
                for run in runs
                if place_of(measure, run) in metrics
            ]
    return chosen, fallen


def are_compared(params: Params, dataset: str) -> bool:
    """Whether a dataset has settings with a baseline: else no number can tell losses apart."""
    return bool(baselines_of(params, dataset))


def settle_rules(
    head: Rules, base: Rules, effects_of: Sequence[Mapping[str, object]], params: Params
) -> tuple[Rules, list[str]]:
    """Return the base's rules, and the datasets whose headlines are HEAD's.

    These are datasets that the base does not know, and those whose trainings HEAD changes so much
    that the base's tolerances give fewer than `FEWEST` headlines.

    Args:
        head: Rules of HEAD.
        base: Rules of what HEAD is compared with.
        effects_of: See `choose_headlines`; the first are those computed now.
        params: The experiment.
    """
    chosen, own = dict(base.headlines), []
    enough, _ = choose_headlines(base, effects_of[0], params, effects_of)
    for dataset, headlines in enough.items():
        ours = head.headlines.get(dataset)
        if n_measures(headlines) < FEWEST and ours and ours != base.headlines.get(dataset):
            chosen[dataset] = ours
            own.append(dataset)
    return base.model_copy(update={"headlines": chosen}), own


def n_measures(headlines: Iterable[Headline]) -> int:
    """Return how many different measures headlines are of."""
    return len({headline.measure for headline in headlines})
