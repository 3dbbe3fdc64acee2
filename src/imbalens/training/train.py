"""Training one network with one loss, resumable and repeatable."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import torch
from dvclive.live import Live
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from imbalens.classes import UNKNOWN
from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.params.recipes import Adam, Optimizer, Recipe, Sgd
from imbalens.training.batches import ImageTensors, plain_batches, training_batches
from imbalens.training.devices import precision_context
from imbalens.training.fitting import in_batches
from imbalens.training.graphs import Forward, training_forward
from imbalens.training.resuming import TrainingState, restore, save_state
from imbalens.training.schedules import learning_rate

Objective = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class EpochResult:
    """Mean loss and accuracy over an epoch's images, as trained on.

    Of several labels, accuracy is the share of right decisions (probability above 0.5). Both are
    over the labels that are known; a batch's loss counts by how many these are.
    """

    loss: float
    accuracy: float


def train(
    model: Network,
    objective: Objective,
    training: ImageTensors,
    validation: ImageTensors | None,
    recipe: Recipe,
    *,
    offset: Float[Tensor, " c"],
    device: torch.device,
    seed: int,
    name: str,
    work: Path,
) -> list[dict[str, int | float]]:
    """Train `model` in place, going on where an interrupted call with the same `work` stopped.

    Args:
        model: Network with its initial weights; holds the chosen weights afterwards.
        objective: Loss of a batch (logits, labels) at an epoch (0-based).
        training: Training images, on `device`.
        validation: Images for the validation score, on `device`, or None.
        recipe: How to train.
        offset: Added to the logits before deciding, in validation (post-hoc logit adjustment).
        device: Where to train.
        seed: Decides order and augmentation of every epoch.
        name: Shown on the progress bar.
        work: Folder of the state after each epoch and of DVCLive's running history.

    Returns:
        One row per epoch: epoch, loss, accuracy, learning_rate and, with validation images,
        validation_score, see `evaluate`.

    Raises:
        InputError: if the loss of an epoch, or an output after the last, is not finite.
    """
    model.to(device).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, recipe.optimizer, device)

    if validation and validation.labels.ndim == 2:
        _judgeable_labels(validation)  # not only after an epoch
    state = restore(work, model, optimizer) or TrainingState(0, {}, {}, [])
    if state.epoch:
        tqdm.write(f"{name}: goes on after epoch {state.epoch} of {recipe.epochs} ({work})")
    history, best = list(state.history), state.best
    forward = training_forward(
        model, training, batch_size=recipe.batch_size, precision=recipe.precision
    )

    n_images = len(training.labels)
    with (
        Live(str(work / "live"), dvcyaml=False, report=None, save_dvc_exp=False) as live,
        tqdm(
            total=recipe.epochs * n_images,
            initial=state.epoch * n_images,
            desc=name,
            unit="img",
            unit_scale=True,
            disable=None,
        ) as bar,
    ):
        for row in history:
            _log(live, row)
        for epoch in range(state.epoch, recipe.epochs):
            rate = learning_rate(
                recipe.schedule, base=recipe.optimizer.lr, epoch=epoch, epochs=recipe.epochs
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            result = _train_epoch(
                model,
                forward,
                objective,
                optimizer,
                training,
                recipe,
                epoch=epoch,
                seed=seed,
                bar=bar,
            )
            if not math.isfinite(result.loss):
                raise InputError(
                    f"{name}: the loss became {result.loss} in epoch {epoch} (0-based) at "
                    f"learning rate {rate:g}; lower the rate or lengthen the warm-up in "
                    f"params.yaml (recipes.*)"
                )
            row = {"epoch": epoch, "learning_rate": rate, **vars(result)}
            if validation:
                row["validation_score"] = evaluate(model, validation, recipe, offset)
                earlier = [past["validation_score"] for past in history]
                if recipe.model_selection == "best_validation" and (
                    row["validation_score"] > max(earlier, default=-1.0)
                ):
                    best = {key: value.clone() for key, value in model.state_dict().items()}
            history.append(row)
            _log(live, row)
            save_state(
                work,
                TrainingState(
                    epoch + 1, model.state_dict(), optimizer.state_dict(), history, best
                ),
            )
            bar.write(
                f"{name}: epoch {epoch + 1}/{recipe.epochs}  loss {result.loss:.4f}  "
                f"accuracy {result.accuracy:.1%}"
            )
    if best is not None:
        model.load_state_dict(best)
    require_finite_outputs(
        model,
        training,
        batch_size=recipe.batch_size,
        whose=f"{name}: the trained network's",
        remedy="lower the learning rate in params.yaml (recipes.*)",
    )
    return history


def evaluate(
    model: nn.Module, split: ImageTensors, recipe: Recipe, offset: Float[Tensor, " c"]
) -> float:
    """Return how well the network's logits plus `offset` decide on a split, in [0, 1].

    It is the top-1 accuracy; of several labels, the mean AUROC of those that some images have and
    some lack, over the images of which it is known.

    Raises:
        InputError: if no label is so, or an output is not finite.
    """
    device = split.labels.device
    model.eval()
    with torch.inference_mode(), precision_context(device, recipe.precision):
        batches = plain_batches(split, batch_size=recipe.batch_size)
        scores = torch.cat([(model(images) + offset).float() for images, _ in batches])
    if split.labels.ndim == 1:
        return float((scores.argmax(1) == split.labels).float().mean())
    from sklearn.metrics import roc_auc_score  # 1 s, which one label per image does not need

    labels, values = split.labels.cpu().numpy(), scores.cpu().numpy()
    both = _judgeable_labels(split)
    if not np.isfinite(values).all():
        raise InputError(
            "validation: the network's outputs are not finite; lower the learning rate in "
            "params.yaml (recipes.*)"
        )
    aurocs = []
    for label in both:
        known = labels[:, label] != UNKNOWN
        aurocs.append(roc_auc_score(labels[known, label], values[known, label]))
    return float(np.mean(aurocs))


def _judgeable_labels(split: ImageTensors) -> Int[np.ndarray, " l"]:
    """Return the labels that some images have and some lack.

    Raises:
        InputError: if there are none.
    """
    labels = split.labels.cpu().numpy()
    both = np.flatnonzero((labels == 1).any(axis=0) & (labels == 0).any(axis=0))
    if not len(both):
        raise InputError(
            "validation: no label has both positives and negatives in the validation part; set a "
            "larger datasets.*.validation.share"
        )
    return both


def count_right(
    logits: Float[Tensor, "b m"], labels: Tensor
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return how many images are classified correctly, and of how many that is known.

    Of several labels an image counts by the share of them that is right, and that is known.
    """
    n = torch.full((), float(len(labels)), device=labels.device)
    if labels.ndim == 1:
        return (logits.argmax(1) == labels).sum().float(), n
    unknown = (labels == UNKNOWN).float().mean(1).sum()
    return ((logits > 0) == labels).float().mean(1).sum(), n - unknown


def require_finite_outputs(
    model: Network, split: ImageTensors, *, batch_size: int, whose: str, remedy: str
) -> None:
    """Catch weights that are finite but overflow, such as after a last step that went astray.

    Args:
        model: Network, on the images' device; left in evaluation mode.
        split: Images, the first of which are tried.
        batch_size: How many.
        whose: Whose outputs they are, for the message.
        remedy: What to do, for the message.

    Raises:
        InputError: if a logit, or the length of the features, is not finite: of features longer
            than any number, cosines are 0. Or if there is too little memory for one image.
    """
    model.eval()

    def is_finite(rows: slice) -> bool:
        features = model.forward_features(split.normalized(split.images[rows]))
        length = torch.linalg.vector_norm(features, dim=1)
        return bool(length.isfinite().all() and model.classify(features).isfinite().all())

    with torch.inference_mode():
        batches = in_batches(
            is_finite,
            min(batch_size, len(split.labels)),
            batch_size=batch_size,
            device=split.images.device,
            what=f"{whose} outputs",
            bar=False,
        )
        if not all(right for _, right in batches):
            raise InputError(f"{whose} outputs are not finite; {remedy}")


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of one epoch's order and augmentation."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def _train_epoch(
    model: nn.Module,
    forward: Forward,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    training: ImageTensors,
    recipe: Recipe,
    *,
    epoch: int,
    seed: int,
    bar: "tqdm[Any]",
) -> EpochResult:
    device = training.labels.device
    model.train()
    loss_sum = torch.zeros(
        (), dtype=torch.float64 if device.type != "mps" else None, device=device
    )
    correct, known = torch.zeros((), device=device), torch.zeros((), device=device)
    shown = time.monotonic()
    torch.manual_seed(epoch_seed(seed, epoch))  # networks of others have dropout, some
    for images, labels in training_batches(
        training,
        batch_size=recipe.batch_size,
        augmentation=recipe.augmentation,
        seed=epoch_seed(seed, epoch),
    ):
        with precision_context(device, recipe.precision):
            logits = forward(images)
            loss = objective(logits, labels, epoch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        right, judged = count_right(logits.detach(), labels)
        loss_sum += loss.detach() * judged
        correct += right
        known += judged
        bar.update(len(labels))
        if time.monotonic() - shown > 1:  # reading a figure waits for the device: not every step
            shown = time.monotonic()
            so_far = _means(loss_sum, correct, known)
            bar.set_postfix(
                epoch=epoch + 1, loss=f"{so_far.loss:.3f}", accuracy=f"{so_far.accuracy:.1%}"
            )
    return _means(loss_sum, correct, known)


def _means(loss_sum: Tensor, correct: Tensor, known: Tensor) -> EpochResult:
    n = float(known) or math.inf  # of nothing that is known, both are 0
    return EpochResult(float(loss_sum) / n, float(correct) / n)


def build_optimizer(
    model: nn.Module, optimizer: Optimizer, device: torch.device
) -> torch.optim.Optimizer:
    """Build the optimiser of a model's parameters, which lie on `device`."""
    fused = device.type in {"cpu", "cuda"}
    match optimizer:
        case Sgd():
            return torch.optim.SGD(
                model.parameters(),
                lr=optimizer.lr,
                momentum=optimizer.momentum,
                weight_decay=optimizer.weight_decay,
                fused=fused,
            )
        case Adam():
            return torch.optim.Adam(
                model.parameters(),
                lr=optimizer.lr,
                weight_decay=optimizer.weight_decay,
                fused=fused,
            )
        case _:
            assert_never(optimizer)


def _log(live: Live, row: dict[str, int | float]) -> None:
    for key, value in row.items():
        if key != "epoch":
            live.log_metric(key, value)
    live.next_step()
