"""Runs of a dataset in words."""

from imbalens.params.experiment import Params, settings
from imbalens.params.runs import Run, network_title
from imbalens.reports.page.results import RunAbout


def describe_runs(dataset: str, params: Params) -> list[RunAbout]:
    """Return the runs of a dataset; those of a setting together."""
    groups = settings(params, dataset)
    found = []
    for setting, name in ((one, name) for one, names in groups.items() for name in names):
        run = params.runs[name]
        epochs = "checkpoint" if run.checkpoint else f"{params.recipes[run.recipe].epochs} epochs"
        found.append(
            RunAbout(
                name=name,
                setting=setting,
                network=network_title(run.model),
                loss=describe_loss(run),
                recipe=f"{run.recipe}, {epochs}",
                seed=run.seed,
            )
        )
    return found


def describe_loss(run: Run) -> str:
    """Return a loss with what was chosen: `ldam (max_margin 0.5, scale 30), drw from epoch 10`."""
    chosen = run.loss.model_dump(exclude={"name"}).items()
    text = ", ".join(
        key
        if value is True
        else f"{key} {value:g}"
        if isinstance(value, float)
        else f"{key} {value}"
        for key, value in chosen
        if value is not None and value is not False
    )
    drw = f", drw from epoch {run.drw.start_epoch}" if run.drw else ""
    return f"{run.loss.name} ({text}){drw}" if text else f"{run.loss.name}{drw}"
