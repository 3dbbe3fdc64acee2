"""Dump a run's feature embeddings, logits and head to data/dumps/features/RUN.h5."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.dumps.features import dump_features
from imbalens.dumps.given import dump_given
from imbalens.dumps.trained import load_trained
from imbalens.params.runs import Given


def main(argv: Sequence[str] | None = None) -> None:
    """Write features and logits of every split."""
    name, params = parse_stage(__doc__, "run", argv)
    run, path = pick(params.runs, "runs", name), Path(f"data/dumps/features/{name}.h5")
    if isinstance(run.model, Given):
        return dump_given(name, run, path)
    trained = load_trained(
        name,
        run,
        device_name=params.dumps.device,
        splits=None,
    )
    return dump_features(
        trained,
        path,
        run=name,
        loss=run.loss.name,
        batch_size=params.dumps.batch_size,
    )


if __name__ == "__main__":
    run_stage(main)
