"""The whole of params.yaml, and which of its runs belong together."""

from collections import Counter
from typing import Literal

from imbalens.params.analyses import Analyses
from imbalens.params.base import Name, Section
from imbalens.params.datasets import Dataset
from imbalens.params.dumps import Dumps
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Run


class FalsePositives(Section):
    """Two runs whose errors around one class are drawn side by side.

    `reference: actual` counts where images of the class go, `predicted` which classes are taken
    for it.
    """

    baseline: str
    other: str
    reference: Literal["actual", "predicted"]
    reference_class: str


class Params(Section):
    """The whole experiment."""

    focus: str
    datasets: dict[Name, Dataset]
    runs: dict[Name, Run]
    recipes: dict[Name, Recipe]
    dumps: Dumps
    analyses: Analyses
    false_positives: dict[Name, FalsePositives]


def repeats(params: Params, dataset: str) -> dict[str, tuple[str, ...]]:
    """Group the runs of a dataset that differ in nothing but their seed.

    Weights of one's own are of a seed too: runs of a group may differ in the checkpoint they
    start from as well. Checkpoints with the same seed are different runs.

    Returns:
        Per group the names of its runs, under that of the first.
    """
    groups: dict[tuple[str, int], list[str]] = {}
    taken: Counter[tuple[str, int]] = Counter()
    for name, run in params.runs.items():
        if run.dataset == dataset:
            rest = run.model_copy(update={"seed": 0, "checkpoint": run.checkpoint and "given"})
            key = rest.model_dump_json()
            groups.setdefault((key, taken[key, run.seed]), []).append(name)
            taken[key, run.seed] += 1
    return {names[0]: tuple(names) for names in groups.values()}


def baseline_of(params: Params, run: str) -> str:
    """Return the run that `run` is compared with, the first of its repeats."""
    side = side_of(params.runs[run])
    others = [name for name, other in params.runs.items() if side_of(other) == side]
    named = [name for name in params.analyses.compare.baselines if name in others]
    groups = repeats(params, params.runs[run].dataset)
    return next(first for first, names in groups.items() if (named or others)[0] in names)


def baselines_of(params: Params, dataset: str) -> dict[str, str]:
    """Return the baseline of each run of a dataset that is none itself, of first repeats."""
    found = {run: baseline_of(params, run) for run in repeats(params, dataset)}
    return {run: baseline for run, baseline in found.items() if run != baseline}


def side_of(run: Run) -> tuple[str, str]:
    """What two runs share whose difference is due to how they were trained."""
    return run.dataset, run.model.model_dump_json()
