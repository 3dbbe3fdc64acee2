"""Whether a GPU computes what the CPU does, and the same when it computes again."""

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.generated import N_CLASSES, generate_tensors
from benchmarks.on_gpu.figures import Figure
from benchmarks.on_gpu.generated import Size, as_trained, random_images
from imbalens.attribution.saliency import input_gradient_saliency, saliency_ranks
from imbalens.losses.build import build_objective
from imbalens.models.build import build_model
from imbalens.models.network import Network
from imbalens.params.recipes import Augmentation, Recipe, Sgd, Steps
from imbalens.params.runs import Ce, CifarResnet, Model, Resnet50
from imbalens.training import graphs
from imbalens.training.batches import ImageTensors
from imbalens.training.train import train

CPU = torch.device("cpu")
STEPS, EPOCHS = 3, 3
TOP = 0.1  # share of an image's pixels that count as salient
# in float32 without TF32: rounding in another order, which turns a few of the ReLUs on or off
FEATURES_APART, CHANGES_APART, PIXELS_SHARED = 1e-4, 0.05, 0.99
MIXED_APART = 0.05  # in bfloat16, of the loss


class _InterruptedError(Exception):
    """What stands for a kill."""


def measure_agreement(size: Size, device: torch.device) -> Iterator[Figure]:
    """Compare features, saliency and some steps with the CPU's, and trainings with each other."""
    pixels = size.small[0]
    images = generate_tensors(STEPS * size.small_batch + 1, pixels)
    there = _move(images, device)
    torch.manual_seed(0)
    small = CifarResnet(name="resnet32")
    model = build_model(small, Ce(name="ce"), N_CLASSES)

    few = _first(images, size.small_batch)
    outputs = [_explain(copy.deepcopy(model), part) for part in (few, _move(few, device))]
    (here, ranks), (other, other_ranks) = outputs
    yield Figure(
        "agree",
        "features of ResNet-32, largest difference from the CPU's of the largest",
        float((here - other).abs().max() / here.abs().max()),
        high=FEATURES_APART,
    )
    n_top = int(TOP * pixels**2)
    shared = ((ranks < n_top) & (other_ranks < n_top)).sum() / (ranks < n_top).sum()
    yield Figure("agree", "salient pixels shared with the CPU", float(shared), low=PIXELS_SHARED)

    exact = _recipe(size.small_batch, "float32")
    loss, here = _train(model, images, exact, CPU)
    there_loss, other = _train(model, there, exact, device)
    yield Figure(
        "agree",
        f"change of the weights by {EPOCHS} epochs of {STEPS + 1} steps, distance from the CPU's",
        float((here - other).norm() / here.norm()),
        high=CHANGES_APART,
    )
    mixed = _recipe(size.small_batch, "auto")
    mixed_loss, weights = _train(model, there, mixed, device)
    yield Figure(
        "agree",
        "loss in mixed precision, difference from the CPU's",
        abs(mixed_loss - loss) / loss,
        high=MIXED_APART,
        note=f"float32 there: {abs(there_loss - loss) / loss:.2g}",
    )
    with mock.patch.object(graphs, "MAX_PIXELS", 0):
        eager = _train(model, there, mixed, device)[1]
    yield _equal("replayed from CUDA graphs and launched one by one", weights, eager)
    yield _equal("trained again", weights, _train(model, there, mixed, device)[1])
    yield _equal("interrupted, and gone on with", weights, _interrupted(model, there, mixed))

    large = Resnet50(name="resnet50", weights="none")
    yield from _repeat_large(large, size, device)


def _repeat_large(model: Model, size: Size, device: torch.device) -> Iterator[Figure]:
    images = random_images(4 * size.dump_batch, size.large[0], device, findings=False)
    network = build_model(model, Ce(name="ce"), N_CLASSES)
    recipe = _recipe(size.dump_batch, "auto")
    first, again = (_train(network, images, recipe, device)[1] for _ in range(2))
    yield _equal("trained again: ResNet-50", first, again)


def _equal(what: str, first: Tensor, second: Tensor) -> Figure:
    apart = float((first - second).abs().max())
    note = "bit-equal" if torch.equal(first, second) else "not bit-equal"
    return Figure("agree", f"weights, {what}: largest difference", apart, high=0.0, note=note)


def _explain(
    model: Network, images: ImageTensors
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n h w"]]:
    trained = as_trained(model, images)
    batch = images.normalized(images.images)
    with torch.inference_mode():
        features = trained.model.forward_features(batch)
    saliency = input_gradient_saliency(trained.scores, batch, images.labels, score="true")
    return features.cpu(), saliency_ranks(saliency).cpu()


def _train(
    model: Network,
    images: ImageTensors,
    recipe: Recipe,
    device: torch.device,
    *,
    work: Path | None = None,
    stop_in: int | None = None,
) -> tuple[float, Float[Tensor, " weights"]]:
    """Train a copy; return the last loss and by how much each weight changed."""
    counts = torch.bincount(images.labels)
    objective = build_objective(
        Ce(name="ce"), None, counts, task="multiclass", negatives=len(images.labels) - counts
    )

    def interrupted(logits: Tensor, labels: Tensor, epoch: int) -> Tensor:
        if epoch == stop_in:
            raise _InterruptedError
        return objective(logits, labels, epoch)

    trained = copy.deepcopy(model)
    with tempfile.TemporaryDirectory() as folder:
        history = train(
            trained,
            interrupted,
            images,
            None,
            recipe,
            offset=torch.zeros(N_CLASSES, device=device),
            device=device,
            seed=0,
            name="agreement",
            work=work or Path(folder),
        )
    pairs = zip(model.parameters(), trained.parameters(), strict=True)
    change = torch.cat([(new.detach().cpu() - old.detach()).flatten() for old, new in pairs])
    return float(history[-1]["loss"]), change


def _interrupted(
    model: Network, images: ImageTensors, recipe: Recipe
) -> Float[Tensor, " weights"]:
    device = images.labels.device
    with tempfile.TemporaryDirectory() as folder:
        try:
            _train(model, images, recipe, device, work=Path(folder), stop_in=1)
        except _InterruptedError:
            return _train(model, images, recipe, device, work=Path(folder))[1]
    raise AssertionError("it was not interrupted")


def _recipe(batch_size: int, precision: str) -> Recipe:
    return Recipe.model_validate(
        {
            "optimizer": Sgd(name="sgd", lr=1e-4, momentum=0.9, weight_decay=2e-4),
            "schedule": Steps(name="steps", warmup_epochs=0, milestones=()),
            "epochs": EPOCHS,
            "batch_size": batch_size,
            "augmentation": Augmentation(crop_padding=4, flip=True, brightness=0.0, contrast=0.0),
            "precision": precision,
            "device": "auto",
            "model_selection": "last",
        }
    )


def _first(images: ImageTensors, n: int) -> ImageTensors:
    return ImageTensors(images.images[:n], images.labels[:n], images.mean, images.std)


def _move(images: ImageTensors, device: torch.device) -> ImageTensors:
    return ImageTensors(*(tensor.to(device) for tensor in vars(images).values()))
