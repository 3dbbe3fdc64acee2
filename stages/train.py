"""Train a run, or take its checkpoint, into data/models/RUN.pt; resumes when interrupted."""

from imbalens.stage import parse_stage, pick, run_stage
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalens.models.checkpoint import save_weights
from imbalens.params.factories import digest_own_code
from imbalens.params.notices import report_notices
from imbalens.store.files import write_json
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.train import HISTORY
from imbalens.training.devices import choose_device
from imbalens.training.resuming import work_folder
from imbalens.training.runs import chosen_epoch, train_run

COLUMNS = [column.name for column in HISTORY.columns]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the weights and the history of their training."""
    name, params = parse_stage(__doc__, "run", argv)
    run = pick(params.runs, "runs", name)
    report_notices(params, [name])
    recipe, data = params.recipes[run.recipe], Path(f"data/prepared/{run.dataset}.h5")
    prepared, device = read_metadata(data), choose_device(recipe.device)
    data_about = {"data": prepared.digest, "normalization": prepared.normalization}
    about = [device.type, digest_own_code(run.model, Path()), *data_about.values()]
    work = work_folder(Path("work"), name, [run.model_dump(), recipe.model_dump(), *about])
    model, history = train_run(run, recipe, data, prepared, name=name, device=device, work=work)
    # what hangs on the weights reruns when the test images change, or what the logits mean
    metadata = {
        "run": name,
        **data_about,
        **{key: getattr(run, key).model_dump_json() for key in ("model", "loss")},
    }
    save_weights(model, Path(f"data/models/{name}.pt"), metadata=metadata)
    write_table(HISTORY, name, pd.DataFrame(history, columns=COLUMNS))
    chosen = chosen_epoch(history, recipe) if history else dict.fromkeys(COLUMNS)
    metrics = {**chosen, "epochs": len(history), "checkpoint": run.checkpoint}
    write_json(Path(f"metrics/train/{name}.json"), metrics)
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    run_stage(main)
