"""How fast training is on a GPU, beside the same step on batches that lie there ready."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.generated import N_CLASSES
from benchmarks.on_gpu.figures import Figure, take_turns
from benchmarks.on_gpu.generated import N_FINDINGS, Size, random_images
from benchmarks.on_gpu.training import timed_states
from imbalens.losses.build import build_objective
from imbalens.models.build import build_model
from imbalens.models.network import Network
from imbalens.params.loading import load_params
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Bce, Ce, CifarResnet, Densenet121Truncated, Loss, Model, Resnet50
from imbalens.training.batches import ImageTensors, training_batches
from imbalens.training.devices import precision_context
from imbalens.training.train import Objective, build_optimizer, train

PROFILES = Path("profiles")
AT_LEAST = 0.9


def measure_throughput(size: Size, device: torch.device) -> Iterator[Figure]:
    """Train one epoch of each network, with augmentation and state, against bare steps."""
    small = _recipe("cifar10.yaml", "ldam_drw", size.small_batch)
    large = _recipe("nih_multilabel.yaml", "chest_xray", size.large_batch)
    cases: list[tuple[str, Model, Loss, Recipe, tuple[int, int], int]] = [
        (
            "ResNet-32",
            CifarResnet(name="resnet32"),
            Ce(name="ce"),
            small,
            size.small,
            size.rounds,
        ),
        (
            "ResNet-50",
            Resnet50(name="resnet50", weights="none"),
            Bce(name="bce"),
            large,
            size.large,
            1,
        ),
        (
            "truncated DenseNet-121",
            Densenet121Truncated(name="densenet121_truncated", weights="none"),
            Bce(name="bce"),
            large,
            size.large,
            1,
        ),
    ]
    for name, model, loss, recipe, (pixels, n), rounds in cases:
        images = random_images(n, pixels, device, findings=isinstance(loss, Bce))
        yield from _measure_network(
            name, model, loss, recipe, images, rounds=rounds, resident=size.resident
        )


def _measure_network(
    name: str,
    model: Model,
    loss: Loss,
    recipe: Recipe,
    images: ImageTensors,
    *,
    rounds: int,
    resident: int,
) -> Iterator[Figure]:
    several, n = images.labels.ndim == 2, len(images.labels)
    counts = images.labels.sum(0) if several else torch.bincount(images.labels)
    task = "multilabel" if several else "multiclass"
    objective = build_objective(loss, None, counts.long(), task=task, negatives=n - counts.long())
    batches = list(
        islice(
            training_batches(
                images, batch_size=recipe.batch_size, augmentation=recipe.augmentation, seed=0
            ),
            resident,
        )
    )
    outputs = N_FINDINGS if several else N_CLASSES
    networks = [build_model(model, loss, outputs) for _ in range(2)]
    few = replace(
        images,
        images=images.images[: 2 * recipe.batch_size],
        labels=images.labels[: 2 * recipe.batch_size],
    )
    bare = partial(_take_steps, networks[1], objective, batches, recipe)
    with timed_states() as states:
        seconds, done = take_turns(
            {
                "train": partial(_train, networks[0], objective, images, recipe),
                "bare": partial(bare, n_images=n),
            },
            warm_up=[
                partial(_train, networks[0], objective, few, recipe),
                partial(bare, n_images=len(few.labels)),
            ],
            rounds=rounds,
        )
    what = f"{name}, {images.images.shape[1]} px, batch {recipe.batch_size}, epochs of {n} images"
    note = f"{states[-1]:.2f} s of each epoch for its state"
    if done < rounds:
        note += f"; {done} of {rounds} rounds"
    yield Figure("throughput", f"`train()`: {what}", n / seconds["train"], "images/s", note=note)
    yield Figure(
        "throughput",
        f"beside eager steps on resident batches: {name}",
        seconds["bare"] / seconds["train"],
        low=AT_LEAST,
        note=f"those: {n / seconds['bare']:.0f} images/s",
    )


def _train(model: Network, objective: Objective, images: ImageTensors, recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as work:
        train(
            model,
            objective,
            images,
            None,
            recipe,
            offset=torch.zeros(N_CLASSES, device=images.labels.device),  # of validation
            device=images.labels.device,
            seed=0,
            name="throughput",
            work=Path(work),
        )


def _take_steps(
    model: nn.Module,
    objective: Objective,
    batches: Sequence[tuple[Float[Tensor, "b 3 h w"], Tensor]],
    recipe: Recipe,
    *,
    n_images: int,
) -> float:
    """Take as many steps as an epoch has; return the last loss, which waits for the device."""
    device = batches[0][1].device
    model.to(device).to(memory_format=torch.channels_last).train()
    optimizer = build_optimizer(model, recipe.optimizer, device)
    loss = torch.zeros(())
    for images, labels in islice(cycle(batches), -(-n_images // recipe.batch_size)):
        with precision_context(device, recipe.precision):
            loss = objective(model(images), labels, 0)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def _recipe(profile: str, name: str, batch_size: int | None) -> Recipe:
    recipe = load_params(PROFILES / profile).recipes[name]
    size = recipe.batch_size if batch_size is None else batch_size
    return recipe.model_copy(update={"epochs": 1, "batch_size": size})
