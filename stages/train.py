"""Train a run, or take its checkpoint, into data/models/RUN.pt; resumes when interrupted."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch

from imbalens.losses.build import build_objective, logit_offset, logit_scale
from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights, save_weights
from imbalens.models.initial_weights import initialize
from imbalens.params.paths import expand_path
from imbalens.params.recipes import Recipe
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import read_metadata
from imbalens.training.batches import load_images
from imbalens.training.devices import choose_device
from imbalens.training.resuming import work_folder
from imbalens.training.train import train

COLUMNS = ["epoch", "loss", "accuracy", "learning_rate", "validation_score"]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the weights and the history of their training."""
    name, params = parse_stage(__doc__, "run", argv)
    run = pick(params.runs, "runs", name)
    recipe, data = params.recipes[run.recipe], Path(f"data/prepared/{run.dataset}.h5")
    prepared = read_metadata(data)
    device = choose_device(recipe.device)

    torch.manual_seed(run.seed)
    model = build_model(run.model, run.loss, len(prepared.class_names))
    if run.checkpoint is None:
        initialize(model, run.model)
    work = work_folder(
        Path("work"),
        name,
        [
            run.model_dump(),
            recipe.model_dump(),
            device.type,
            prepared.digest,
            prepared.normalization,
        ],
    )
    if run.checkpoint is None:
        counts = torch.as_tensor(prepared.counts, device=device)
        history = train(
            model,
            build_objective(
                run.loss, run.drw, counts, task=prepared.task, n_images=prepared.n_train
            ),
            load_images(data, prepared, "train", device)[0],
            load_images(data, prepared, "val", device)[0] if "val" in prepared.splits else None,
            recipe,
            offset=logit_offset(run.loss, counts).to(device) / logit_scale(run.loss),
            device=device,
            seed=run.seed,
            name=name,
            work=work,
        )
    else:
        path = expand_path(run.checkpoint)
        load_weights(model, load_checkpoint(path), path=path)
        history = []
    # the digest makes whatever hangs on the weights rerun when only the test images change
    about = {"run": name, "data": prepared.digest, "normalization": prepared.normalization}
    save_weights(model, Path(f"data/models/{name}.pt"), metadata=about)
    write_csv(Path(f"plots/train/{name}.csv"), pd.DataFrame(history, columns=COLUMNS))
    metrics = {"epochs": len(history), "checkpoint": run.checkpoint}
    write_json(Path(f"metrics/train/{name}.json"), {**chosen_epoch(history, recipe), **metrics})
    shutil.rmtree(work, ignore_errors=True)


def chosen_epoch(
    history: Sequence[Mapping[str, int | float]], recipe: Recipe
) -> Mapping[str, object]:
    """Return the figures of the epoch whose weights were kept."""
    if not history:
        return dict.fromkeys(COLUMNS)
    if recipe.model_selection == "best_validation":
        return max(history, key=lambda row: row["validation_score"])
    return history[-1]


if __name__ == "__main__":
    run_stage(main)
