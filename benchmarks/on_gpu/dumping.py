"""How fast dumps and saliency are on a GPU, beside what the network alone needs."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.generated import N_CLASSES
from benchmarks.on_gpu.figures import Figure, take_turns
from benchmarks.on_gpu.generated import Size, as_trained, random_images
from imbalens.attribution.saliency import input_gradient_saliency
from imbalens.dumps.features import dump_features
from imbalens.dumps.maps import dump_maps
from imbalens.dumps.saliency import dump_saliency
from imbalens.dumps.trained import Trained
from imbalens.models.build import build_model
from imbalens.params.runs import Ce, CifarResnet, Resnet50
from imbalens.training.batches import plain_batches

BATCH = 256  # of small images


def measure_dumps(size: Size, device: torch.device) -> Iterator[Figure]:
    """Dump features of both networks and maps of ResNet-50."""
    for name, trained, batch_size in _cases(size, device):
        kind = partial(_measure, "dumps", trained, baseline="inference alone")
        forward = partial(_infer, trained, batch_size)
        dump = partial(dump_features, run="generated", loss="ce", batch_size=batch_size)
        yield from kind(f"`dump_features`: {name}", dump, forward, rounds=size.rounds, low=0.9)
        if trained.model.family == "resnet50":
            n = len(trained.images["train"].labels)
            boxes = np.stack([np.arange(n), np.arange(n) % N_CLASSES, *[np.ones(n)] * 4], axis=1)
            dump = partial(_dump_maps, boxes=boxes.astype(np.int64), batch_size=batch_size)
            yield from kind(f"`dump_maps`: {name}", dump, forward, rounds=size.rounds)


def measure_saliency(size: Size, device: torch.device) -> Iterator[Figure]:
    """Rank the pixels of images, and write the ranks."""
    for name, trained, batch_size in _cases(size, device):
        dump = partial(dump_saliency, run="generated", score="predicted", batch_size=batch_size)
        yield from _measure(
            "saliency",
            trained,
            f"`dump_saliency`: {name}",
            dump,
            partial(_explain, trained, batch_size),
            baseline="gradients alone",
            rounds=size.rounds,
        )


def _cases(size: Size, device: torch.device) -> Iterator[tuple[str, Trained, int]]:
    pixels, n = size.small
    images = random_images(n, pixels, device, findings=False)
    model = build_model(CifarResnet(name="resnet32"), Ce(name="ce"), N_CLASSES)
    yield f"ResNet-32, {n} images, {pixels} px", as_trained(model, images), BATCH
    pixels, n = size.large[0], size.explained
    images = random_images(n, pixels, device, findings=False)
    model = build_model(Resnet50(name="resnet50", weights="none"), Ce(name="ce"), N_CLASSES)
    yield f"ResNet-50, {n} images, {pixels} px", as_trained(model, images), size.dump_batch


def _measure(
    part: str,
    trained: Trained,
    what: str,
    dump: Callable[[Trained, Path], None],
    alone: Callable[[], object],
    *,
    baseline: str,
    rounds: int,
    low: float | None = None,
) -> Iterator[Figure]:
    n = len(trained.images["train"].labels)
    with tempfile.TemporaryDirectory() as folder:
        programs = {"dump": partial(dump, trained, Path(folder) / "dump.h5"), "alone": alone}
        seconds, done = take_turns(programs, rounds=rounds)
    note = "" if done == rounds else f"{done} of {rounds} rounds"
    yield Figure(part, what, n / seconds["dump"], "images/s", note=note)
    ratio = seconds["alone"] / seconds["dump"]
    yield Figure(part, f"beside {baseline}: {what}", ratio, low=low, note=note)


def _dump_maps(trained: Trained, path: Path, *, boxes: np.ndarray, batch_size: int) -> None:
    dump_maps(
        trained,
        None,
        boxes,
        path,
        run="generated",
        split="train",
        layer=None,
        batch_size=batch_size,
    )


def _infer(trained: Trained, batch_size: int) -> Float[np.ndarray, "n m"]:
    with torch.inference_mode():
        batches = plain_batches(trained.images["train"], batch_size=batch_size)
        return torch.cat([trained.model(images) for images, _ in batches]).cpu().numpy()


def _explain(trained: Trained, batch_size: int) -> float:
    total = torch.zeros((), device=trained.offset.device)
    for images, labels in plain_batches(trained.images["train"], batch_size=batch_size):
        saliency: Tensor = input_gradient_saliency(
            trained.scores, images, labels, score="predicted"
        )
        total += saliency.sum()
    return float(total)
