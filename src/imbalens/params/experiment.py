"""The whole of params.yaml and analyses.yaml, and which of the runs belong together."""

from typing import Literal

from imbalens.params.analyses import Analyses
from imbalens.params.base import Name, Section
from imbalens.params.datasets import Dataset
from imbalens.params.dumps import Dumps
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Method, Run, RunEntry, resolve


class FalsePositives(Section):
    """Two runs whose errors around one class are drawn side by side.

    `reference: actual` counts where images of the class go, `predicted` which classes are taken
    for it.
    """

    baseline: str
    other: str
    reference: Literal["actual", "predicted"]
    reference_class: str


class _Common(Section):
    """What an experiment has, but for its runs.

    `baselines` names one run per dataset and network; where it names none, the first is taken.
    """

    focus: str
    datasets: dict[Name, Dataset]
    methods: dict[Name, Method]
    recipes: dict[Name, Recipe]
    dumps: Dumps
    baselines: tuple[Name, ...]
    false_positives: dict[Name, FalsePositives]


class Experiment(_Common):
    """The whole of params.yaml, with the defaults."""

    runs: dict[Name, RunEntry]


class Params(_Common):
    """The whole experiment: each run with its method, and how things are measured."""

    runs: dict[Name, Run]
    analyses: Analyses


def combine(experiment: Experiment, analyses: Analyses) -> Params:
    """Return an experiment, whose methods are all there, with how it is measured."""
    runs = {
        name: resolve(entry, experiment.methods[entry.method])
        for name, entry in experiment.runs.items()
    }
    return Params(**dict(experiment) | {"runs": runs, "analyses": analyses})


def repeats(params: Params, dataset: str) -> dict[str, tuple[str, ...]]:
    """Group the runs of a dataset that differ in nothing but their seed.

    Returns:
        Per group the names of its runs, under that of the first.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, run in params.runs.items():
        if run.dataset == dataset:
            groups.setdefault((run.method, run.recipe), []).append(name)
    return {names[0]: tuple(names) for names in groups.values()}


def baseline_of(params: Params, run: str) -> str:
    """Return the run that `run` is compared with, the first of its repeats."""
    side = side_of(params.runs[run])
    others = [name for name, other in params.runs.items() if side_of(other) == side]
    named = [name for name in params.baselines if name in others]
    groups = repeats(params, params.runs[run].dataset)
    return next(first for first, names in groups.items() if (named or others)[0] in names)


def baselines_of(params: Params, dataset: str) -> dict[str, str]:
    """Return the baseline of each run of a dataset that is none itself, of first repeats."""
    found = {run: baseline_of(params, run) for run in repeats(params, dataset)}
    return {run: baseline for run, baseline in found.items() if run != baseline}


def trainings_beside_baselines(params: Params, dataset: str) -> list[tuple[str, str]]:
    """Return each training of a dataset with each of its baseline's, but those of the baseline."""
    groups = repeats(params, dataset)
    return [
        (run, base)
        for first, baseline in baselines_of(params, dataset).items()
        for run in groups[first]
        for base in groups[baseline]
    ]


def side_of(run: Run) -> tuple[str, str]:
    """What two runs share whose difference is due to how they were trained."""
    return run.dataset, run.model.model_dump_json()
