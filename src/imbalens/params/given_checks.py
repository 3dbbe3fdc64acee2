"""What is wrong with features and predictions of others in an experiment."""

from imbalens.params.errors import shown
from imbalens.params.experiment import Params
from imbalens.params.runs import Given
from imbalens.params.sources import Features


def find_given_problems(params: Params) -> list[str]:
    """Return runs of what is given without a source of it, and networks without images."""
    problems: list[str] = []
    for name, run in params.runs.items():
        dataset = params.datasets.get(run.dataset)
        if dataset is None:
            continue
        source = dataset.source
        if isinstance(run.model, Given):
            if not isinstance(source, Features):
                problems.append(
                    f"runs.{name}.dataset: found {run.dataset!r}, of source {source.name!r}; "
                    f"allowed for methods.{run.method}, whose model is 'given': one of source "
                    "'features'"
                )
            if run.checkpoint is not None:
                problems.append(
                    f"methods.{run.method}.checkpoint: found {shown(run.checkpoint)}; allowed for "
                    "the model 'given': null, and its file under model.file"
                )
        elif not source.has_images:
            problems.append(
                f"methods.{run.method}.model.name: found {run.model.name!r}; allowed for dataset "
                f"{run.dataset!r}, which has no images: 'given', or give source.images"
            )
    return list(dict.fromkeys(problems))  # runs share methods
