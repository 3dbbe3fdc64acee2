"""Training one network with one loss, resumable and repeatable."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import torch
from dvclive.live import Live
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from imbalens.classes import UNKNOWN
from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.params.recipes import Adam, Optimizer, Recipe, Sgd
from imbalens.training.batches import ImageTensors, training_batches
from imbalens.training.devices import precision_context
from imbalens.training.fitting import in_batches
from imbalens.training.graphs import Forward, training_forward
from imbalens.training.resuming import TrainingState, restore, save_state
from imbalens.training.schedules import learning_rate
from imbalens.training.scores import evaluate, require_score, score, show_score, to_outputs

PAUSE = 1.0  # seconds between two figures on the progress bar, at least
MAX_SHARE = 0.01  # of the time that these figures may take

Objective = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class EpochResult:
    """What an epoch's images say of the network, each as it was trained on.

    Attributes:
        loss: Mean over the images; where labels are unknown, a batch counts by how many are known.
        training_score: See `scores.score`.
    """

    loss: float
    training_score: float


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
        One row per epoch: epoch, loss, training_score, learning_rate and, with validation images,
        validation_score, see `scores.evaluate`.

    Raises:
        InputError: if the loss of an epoch, or an output after the last, is not finite.
    """
    model.to(device).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, recipe.optimizer, device)

    if validation:
        require_score(validation)  # not only after an epoch
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
            bar.write(_line(name, row, recipe.epochs, several_labels=training.labels.ndim == 2))
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
    known = torch.zeros((), device=device)
    several = training.labels.ndim == 2
    outputs, seen = [], []
    shown, wait = time.monotonic(), PAUSE
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
        judged = count_known(labels)
        loss_sum += loss.detach() * judged
        known += judged
        outputs.append(to_outputs(logits, labels))
        seen.append(labels)
        bar.update(len(labels))
        # reading a figure waits for the device, and a score takes time: not every step
        if not bar.disable and time.monotonic() - shown > wait:
            began = time.monotonic()
            so_far = _judge(loss_sum, known, outputs, seen)
            title, value = show_score(so_far.training_score, several_labels=several)
            bar.set_postfix({"epoch": epoch + 1, "loss": f"{so_far.loss:.3f}", title: value})
            shown = time.monotonic()
            wait = max(PAUSE, (shown - began) / MAX_SHARE)
    return _judge(loss_sum, known, outputs, seen)


def count_known(labels: Tensor) -> Float[Tensor, ""]:
    """Return of how many images the label is known; of several, the share of them counts."""
    n = torch.full((), float(len(labels)), device=labels.device)
    return n - (labels == UNKNOWN).float().mean(1).sum() if labels.ndim == 2 else n


def _judge(
    loss_sum: Tensor, known: Tensor, outputs: Sequence[Tensor], labels: Sequence[Tensor]
) -> EpochResult:
    loss = float(loss_sum) / (float(known) or math.inf)  # 0 where nothing is known
    return EpochResult(loss, score(torch.cat([*outputs]), torch.cat([*labels])))


def _line(name: str, row: Mapping[str, int | float], epochs: int, *, several_labels: bool) -> str:
    """Say what an epoch came to."""
    parts = [f"{name}: epoch {row['epoch'] + 1:g}/{epochs}", f"loss {row['loss']:.4f}"]
    for key, where in {"training_score": "", "validation_score": " of validation images"}.items():
        if key in row:
            title, value = show_score(row[key], several_labels=several_labels)
            parts.append(f"{title}{where} {value}")
    return ", ".join(parts)


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
