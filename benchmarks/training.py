"""How fast training is, beside a bare loop, a plain step and a usual input pipeline."""

import copy
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.baselines import pillow_loader, train_bare
from benchmarks.generated import generate_tensors
from benchmarks.timing import (
    Row,
    UnequalResultsError,
    measure,
    require_close,
    require_equal,
    speed_row,
)
from imbalens.losses.build import build_class_objective
from imbalens.models.build import build_model
from imbalens.models.network import Network
from imbalens.params.recipes import Augmentation, Recipe, Sgd, Steps
from imbalens.params.runs import Ce, CifarResnet
from imbalens.training.batches import ImageTensors, training_batches
from imbalens.training.train import epoch_seed, train

# Of the change's length: rounding turns a few of the millions of ReLUs on or off.
CHANGE_TOLERANCE = 0.05
CPU = torch.device("cpu")
SEED = 0
# So small a rate that rounding, which differs between memory layouts, cannot grow over the steps.
OPTIMIZER = Sgd(name="sgd", lr=1e-4, momentum=0.9, weight_decay=2e-4)

Batches = list[tuple[Float[Tensor, "b c h w"], Int[Tensor, " b"]]]
# mean loss over the images, and by how much training changed each weight
Trained = tuple[float, Float[np.ndarray, " weights"]]


@dataclass(frozen=True)
class TrainingSize:
    """How much is trained."""

    image_size: int
    batch_size: int
    steps: int
    rounds: int


@dataclass(frozen=True)
class InputSize:
    """How much is read."""

    image_size: int
    batch_size: int
    batches: int
    rounds: int
    workers: tuple[int, ...]


TRAINING = TrainingSize(image_size=32, batch_size=128, steps=8, rounds=3)
TRAINING_QUICK = TrainingSize(image_size=16, batch_size=16, steps=2, rounds=1)
INPUT = InputSize(image_size=32, batch_size=128, batches=20, rounds=5, workers=(0, 2))
INPUT_QUICK = InputSize(image_size=8, batch_size=8, batches=2, rounds=1, workers=(0,))


def measure_training(*, quick: bool) -> list[Row]:
    """Compare `train()` and its step with bare loops over the same, already augmented batches."""
    size = TRAINING_QUICK if quick else TRAINING
    recipe = Recipe(
        optimizer=OPTIMIZER,
        schedule=Steps(name="steps", warmup_epochs=0, milestones=()),
        epochs=1,
        batch_size=size.batch_size,
        augmentation=Augmentation(crop_padding=4, flip=True, brightness=0.0, contrast=0.0),
        precision="float32",
        device="cpu",
        model_selection="last",
    )
    images = generate_tensors(size.batch_size * size.steps, size.image_size)
    torch.manual_seed(SEED)
    model = build_model(CifarResnet(name="resnet32"), Ce(name="ce"), int(images.labels.max()) + 1)
    batches = list(
        training_batches(
            images,
            batch_size=size.batch_size,
            augmentation=recipe.augmentation,
            seed=epoch_seed(SEED, 0),
        )
    )
    plain = [(batch.contiguous(), labels) for batch, labels in batches]
    seconds = measure(
        {
            "train": partial(_train, model, images, recipe),
            "bare": partial(_train_bare, model, batches, layout=torch.channels_last, fused=True),
            "eager": partial(_train_bare, model, plain, layout=torch.contiguous_format),
        },
        check=_require_equal_training,
        rounds=size.rounds,
    )
    what = f"ResNet-32, batch {size.batch_size}, {size.image_size} px"
    return [
        speed_row(
            "training",
            f"`train()` with augmentation, history, progress and checkpoint; {what}",
            "bare loop over augmented batches in memory, channels last, fused SGD",
            ours=seconds["train"],
            theirs=seconds["bare"],
            at_least=0.95,
        ),
        speed_row(
            "training",
            f"training step, channels last, fused SGD; {what}",
            "eager step, NCHW, SGD not fused",
            ours=seconds["bare"],
            theirs=seconds["eager"],
            at_least=1.15,
        ),
    ]


def measure_input(*, quick: bool) -> list[Row]:
    """Compare our batches with those of a DataLoader that gets the same crops and flips."""
    size = INPUT_QUICK if quick else INPUT
    augmentation = Augmentation(crop_padding=4, flip=True, brightness=0.0, contrast=0.0)
    images = generate_tensors(size.batch_size * size.batches, size.image_size)
    batches = partial(
        training_batches,
        images,
        batch_size=size.batch_size,
        augmentation=augmentation,
        seed=SEED,
    )
    order, offsets, flips = _draws(images, augmentation, SEED)
    loaders = {
        f"{workers} workers": pillow_loader(
            images,
            order,
            offsets,
            flips,
            padding=augmentation.crop_padding,
            batch_size=size.batch_size,
            n_workers=workers,
        )
        for workers in size.workers
    }
    seconds = measure(
        {"ours": lambda: list(batches())}
        | {name: partial(list, loader) for name, loader in loaders.items()},
        check=_require_equal_batches,
        rounds=size.rounds,
    )
    best = min(loaders, key=lambda name: float(np.median(seconds[name])))
    return [
        speed_row(
            "input_pipeline",
            f"augmented, normalised batches of {size.batch_size}, {size.image_size} px",
            f"DataLoader, Pillow and torchvision, image by image, {best} (the faster of "
            f"{' and '.join(map(str, size.workers))})",
            ours=seconds["ours"],
            theirs=seconds[best],
            at_least=6.0,
        )
    ]


def _train(model: Network, images: ImageTensors, recipe: Recipe) -> Trained:
    trained = copy.deepcopy(model)
    objective = build_class_objective(Ce(name="ce"), None, torch.bincount(images.labels))
    with tempfile.TemporaryDirectory() as work:
        history = train(
            trained,
            objective,
            images,
            None,
            recipe,
            offset=torch.zeros(int(images.labels.max()) + 1),
            device=CPU,
            seed=SEED,
            name="benchmark",
            work=Path(work),
        )
    return history[-1]["loss"], _change(model, trained)


def _train_bare(
    model: nn.Module, batches: Batches, *, layout: torch.memory_format, fused: bool | None = None
) -> Trained:
    trained = copy.deepcopy(model).to(memory_format=layout)
    optimizer = torch.optim.SGD(
        trained.parameters(),
        lr=OPTIMIZER.lr,
        momentum=OPTIMIZER.momentum,
        weight_decay=OPTIMIZER.weight_decay,
        fused=fused,
    )
    return train_bare(trained, optimizer, batches), _change(model, trained)


def _change(before: nn.Module, after: nn.Module) -> Float[np.ndarray, " weights"]:
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    return torch.cat([(new - old).detach().flatten() for old, new in pairs]).numpy()


def _require_equal_training(first: Trained, second: Trained) -> None:
    require_close(np.array(first[0]), np.array(second[0]), "mean loss", relative=1e-4)
    apart = np.linalg.norm(first[1] - second[1]) / np.linalg.norm(first[1])
    if not apart <= CHANGE_TOLERANCE:
        raise UnequalResultsError(f"weights changed by training: {apart:.1%} apart")


def _draws(
    images: ImageTensors, augmentation: Augmentation, seed: int
) -> tuple[Int[Tensor, " n"], Int[Tensor, "n 2"], Tensor]:
    """Draw what `training_batches` draws: order, offsets of the crops, flips."""
    n, generator = len(images.labels), torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    offsets = torch.randint(2 * augmentation.crop_padding + 1, (n, 2), generator=generator)
    return order, offsets, torch.rand(n, generator=generator) < 0.5


def _require_equal_batches(first: Batches, second: Batches) -> None:
    for (images, labels), (other_images, other_labels) in zip(first, second, strict=True):
        require_equal(labels.numpy(), other_labels.numpy(), "labels of a batch")
        # a hundredth of what one grey level makes
        require_close(images.numpy(), other_images.numpy(), "pixels", relative=0, absolute=2e-4)
