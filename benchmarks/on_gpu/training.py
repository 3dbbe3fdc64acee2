"""Seconds and accuracy of the published recipe on long-tailed CIFAR-10."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch

from benchmarks.on_gpu.figures import Figure, OutOfTimeError
from benchmarks.on_gpu.generated import Size
from imbalens.losses.build import logit_offset, logit_scale
from imbalens.params.loading import load_params
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Run
from imbalens.store.prepared import Prepared, read_metadata
from imbalens.training import train as training
from imbalens.training.batches import load_images
from imbalens.training.resuming import TrainingState, load_state, save_state
from imbalens.training.runs import train_run
from imbalens.training.train import evaluate

PROFILE = Path("profiles/cifar10.yaml")
MAX_SECONDS = 60.0
# top-1 on the balanced test set, in %: Cao et al. 2019 and those who repeated it
PUBLISHED = {"cifar10-ce": (70.0, 73.0), "cifar10-ldam_drw": (76.0, 78.0)}


def measure_trainings(
    size: Size, device: torch.device, *, prepared: Path | None, out: Path
) -> Iterator[Figure]:
    """Train each run of the profile; one that was cut goes on, and its seconds add up.

    Args:
        size: How many epochs.
        device: Where.
        prepared: Prepared CIFAR-10, exponential 100:1; None: nothing is trained.
        out: Folder of the states of trainings that were cut.
    """
    params = load_params(PROFILE)
    for name, run in params.runs.items():
        recipe = params.recipes[run.recipe]
        if size.epochs is not None:
            recipe = recipe.model_copy(update={"epochs": size.epochs})
        what = f"ResNet-32, {name}, {recipe.epochs} epochs, batch {recipe.batch_size}"
        if prepared is None:
            yield Figure("train", what, unit="s", note="not run: no --prepared", finished=False)
            continue
        yield from _train(what, name, run, recipe, prepared, device, out / "work" / name)


def _train(
    what: str,
    name: str,
    run: Run,
    recipe: Recipe,
    data: Path,
    device: torch.device,
    work: Path,
) -> Iterator[Figure]:
    about = read_metadata(data)
    earlier = work / "seconds.txt"
    before = float(earlier.read_text(encoding="utf-8")) if earlier.exists() else 0.0
    start = time.perf_counter()
    try:
        with timed_states() as states:
            model, history = train_run(
                run, recipe, data, about, name=name, device=device, work=work
            )
    except OutOfTimeError:
        seconds, state = before + time.perf_counter() - start, load_state(work)
        done = state.epoch if state else 0
        if state:
            earlier.write_text(f"{seconds}\n", encoding="utf-8")
        note = f"{done} epochs so far"
        yield Figure("train", what, seconds, "s", high=MAX_SECONDS, note=note, finished=False)
        raise
    seconds = before + time.perf_counter() - start
    note = f"training loss {history[-1]['loss']:.4f}, {sum(states):.1f} s for states after epochs"
    note += ", in several parts" if before else ""
    yield Figure("train", what, seconds, "s", high=MAX_SECONDS, note=note)
    test = load_images(data, about, "test", device)[0]
    offset = _offset(run, about, device)
    accuracy = 100 * evaluate(model, test, recipe, offset)
    low, high = PUBLISHED[name]
    yield Figure("train", f"its test accuracy, {name}", accuracy, "%", low=low, high=high)
    shutil.rmtree(work, ignore_errors=True)


@contextmanager
def timed_states() -> Iterator[list[float]]:
    """Yield the seconds that writing each state took, of trainings in the block."""
    seconds: list[float] = []

    def save_timed(folder: Path, state: TrainingState) -> None:
        start = time.perf_counter()
        save_state(folder, state)
        seconds.append(time.perf_counter() - start)

    with mock.patch.object(training, "save_state", save_timed):
        yield seconds


def _offset(run: Run, about: Prepared, device: torch.device) -> torch.Tensor:
    counts = torch.as_tensor(about.counts)
    return logit_offset(run.loss, counts).to(device) / logit_scale(run.loss)
