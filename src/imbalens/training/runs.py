"""Training a run as its options say, or taking its checkpoint."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from imbalens.errors import InputError
from imbalens.losses.build import build_objective, logit_offset, logit_scale
from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights
from imbalens.models.given import take_given
from imbalens.models.initial_weights import initialize
from imbalens.models.network import Network
from imbalens.params.paths import expand_path
from imbalens.params.recipes import Recipe
from imbalens.params.runs import Run
from imbalens.store.prepared import Prepared, read_image_size
from imbalens.training.batches import ImageTensors, load_images
from imbalens.training.fitting import explained_out_of_memory, foretell_out_of_memory
from imbalens.training.train import require_finite_outputs, train

TRIED = 32  # images that a checkpoint's network is tried on


def train_run(
    run: Run,
    recipe: Recipe,
    data: Path,
    prepared: Prepared,
    *,
    name: str,
    device: torch.device,
    work: Path,
) -> tuple[nn.Module, list[dict[str, int | float]]]:
    """Make a run's network, or take the features and predictions in its place.

    Args:
        run: What is trained.
        recipe: How.
        data: Prepared dataset.
        prepared: What holds for all of it.
        name: Name of the run.
        device: Where to train.
        work: Folder of what an interrupted training goes on from.

    Returns:
        The network, or what is given in its place, and the history of its training, see `train`;
        none of a checkpoint.

    Raises:
        InputError: if the checkpoint does not fit or its outputs are not finite, if a batch of the
            recipe does not fit into memory, if all weights are frozen, or as in `train` and
            `take_given`.
    """
    given = take_given(run.model, data, prepared.class_names)
    if given is not None:
        return given, []
    torch.manual_seed(run.seed)
    model = build_model(
        run.model, run.loss, len(prepared.class_names), image_size=read_image_size(data)
    )
    if run.checkpoint is not None:
        path = expand_path(run.checkpoint)
        load_weights(model, load_checkpoint(path), path=path)
        tried = load_images(data, prepared, "train", device, first=TRIED)[0]
        require_finite_outputs(
            model.to(device),
            tried,
            batch_size=TRIED,
            whose=f"{path}: the network's",
            remedy="get other weights, or set the method's checkpoint to null, to train",
        )
        return model, []
    initialize(model, run.model)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise InputError(
            f"{name}: no weight of the network {model.family} is to be trained "
            "(requires_grad is False of all); let the factory leave its head at least to be "
            "trained, or name the method's checkpoint"
        )
    counts = torch.as_tensor(prepared.counts, device=device)
    negatives = torch.as_tensor(prepared.negatives, device=device)
    images = {
        split: load_images(data, prepared, split, device)[0]
        for split in ("train", "val")
        if split in prepared.splits
    }
    # another batch would train another network: it is not halved
    key = f"{name}: params.yaml: recipes.{run.recipe}.batch_size"
    with explained_out_of_memory(
        f"{key}: found {recipe.batch_size}, for which memory ran out; set a smaller one, or a "
        "smaller datasets.*.image_size or network, or take a machine with more memory"
    ):
        foretell_out_of_memory(
            partial(_differentiate, model.eval(), images["train"]),
            batch_size=min(recipe.batch_size, len(images["train"].labels)),
            device=device,
            what=key,
        )
        history = train(
            model,
            build_objective(run.loss, run.drw, counts, task=prepared.task, negatives=negatives),
            images["train"],
            images.get("val"),
            recipe,
            offset=logit_offset(run.loss, counts).to(device) / logit_scale(run.loss),
            device=device,
            seed=run.seed,
            name=name,
            work=work,
        )
    return model, history


def _differentiate(model: Network, split: ImageTensors, rows: slice) -> None:
    """Compute what a step of training does of some images, and forget it."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    logits = model(split.normalized(split.images[rows]))
    torch.autograd.grad(logits.sum(), weights, allow_unused=True)


def chosen_epoch(
    history: Sequence[Mapping[str, int | float]], recipe: Recipe
) -> Mapping[str, int | float]:
    """Return the figures of the epoch whose weights were kept."""
    if recipe.model_selection == "best_validation":
        return max(history, key=lambda row: row["validation_score"])
    return history[-1]
