"""The whole of params.yaml and analyses.yaml, and which of the runs belong together."""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.analyses import Analyses
from imbalens.params.base import MAX_NAMED, Name, Section
from imbalens.params.datasets import Dataset
from imbalens.params.dumps import Dumps
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Given, Method, Run, RunEntry, resolve

Named = Field(max_length=MAX_NAMED)


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

    `focus` and `baselines` name settings, see `settings`: one baseline per dataset and network;
    where none is named, the first setting is taken.
    """

    focus: str
    datasets: Annotated[dict[Name, Dataset], Named]
    methods: Annotated[dict[Name, Method], Named]
    recipes: Annotated[dict[Name, Recipe], Named]
    dumps: Dumps
    baselines: Annotated[tuple[str, ...], Named]
    false_positives: Annotated[dict[Name, FalsePositives], Named]


class Experiment(_Common):
    """The whole of params.yaml, with the defaults."""

    runs: Annotated[dict[Name, RunEntry], Named]


class Params(_Common):
    """The whole experiment: each run with its method, and how things are measured."""

    runs: Annotated[dict[Name, Run], Named]
    analyses: Analyses


def combine(experiment: Experiment, analyses: Analyses) -> Params:
    """Return an experiment, whose methods are all there, with how it is measured."""
    runs = {
        name: resolve(entry, experiment.methods[entry.method])
        for name, entry in experiment.runs.items()
    }
    return Params(**dict(experiment) | {"runs": runs, "analyses": analyses})


def settings(params: Params, dataset: str) -> dict[str, tuple[str, ...]]:
    """Group the runs of a dataset that differ in nothing but their seed.

    Returns:
        Per setting the names of its runs, which are its trainings. A setting is called
        `dataset/method`, and `dataset/method/recipe` if runs of that method have several recipes:
        no run can be called so.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, run in params.runs.items():
        if run.dataset == dataset:
            groups.setdefault((run.method, run.recipe), []).append(name)
    methods = [method for method, _ in groups]
    return {
        "/".join((dataset, *(key if methods.count(key[0]) > 1 else key[:1]))): tuple(names)
        for key, names in groups.items()
    }


def all_settings(params: Params) -> dict[str, tuple[str, ...]]:
    """Return the trainings of every setting, dataset by dataset."""
    found: dict[str, tuple[str, ...]] = {}
    for dataset in dict.fromkeys(run.dataset for run in params.runs.values()):
        found |= settings(params, dataset)
    return found


def setting_of(params: Params, run: str) -> str:
    """Return the setting that a run is a training of."""
    groups = settings(params, params.runs[run].dataset)
    return next(setting for setting, runs in groups.items() if run in runs)


def baseline_of(params: Params, run: str) -> str:
    """Return the setting that a run's is compared with, perhaps its own."""
    side = side_of(params.runs[run])
    groups = settings(params, params.runs[run].dataset)
    others = [name for name, (first, *_) in groups.items() if side_of(params.runs[first]) == side]
    return next((name for name in params.baselines if name in others), others[0])


def baselines_of(params: Params, dataset: str) -> dict[str, str]:
    """Return the baseline of each setting of a dataset that is none itself."""
    found = {
        name: baseline_of(params, runs[0]) for name, runs in settings(params, dataset).items()
    }
    return {setting: baseline for setting, baseline in found.items() if setting != baseline}


def first_baselines(params: Params, dataset: str) -> dict[str, str]:
    """Return beside each run of a dataset the first of its baseline's, but beside that itself.

    Further trainings of the baseline are beside it too: what differs there is chance.
    """
    groups = settings(params, dataset)
    found = {
        name: groups[baseline_of(params, name)][0]
        for name, run in params.runs.items()
        if run.dataset == dataset
    }
    return {run: base for run, base in found.items() if run != base}


def trainings_beside_baselines(params: Params, dataset: str) -> list[tuple[str, str]]:
    """Return each training of a dataset with each of its baseline's, but those of the baseline."""
    groups = settings(params, dataset)
    return [
        (run, base)
        for setting, baseline in baselines_of(params, dataset).items()
        for run in groups[setting]
        for base in groups[baseline]
    ]


def side_of(run: Run) -> tuple[str, str]:
    """What two runs share whose difference is due to how they were trained.

    Of features and predictions that are given it is not known; whoever gives several of one
    dataset means to compare them.
    """
    model = run.model
    if isinstance(model, Given):
        model = model.model_copy(update={"file": None})
    return run.dataset, model.model_dump_json()
