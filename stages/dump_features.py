"""Dump a run's feature embeddings, logits and head to data/dumps/features/RUN.h5."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.dumps.features import dump_features
from imbalens.dumps.trained import load_trained


def main(argv: Sequence[str] | None = None) -> None:
    """Write features and logits of every split."""
    name, params = parse_stage(__doc__, "run", argv)
    run = pick(params.runs, "runs", name)
    trained = load_trained(
        name,
        run,
        device_name=params.dumps.device,
        splits=None,
    )
    dump_features(
        trained,
        Path(f"data/dumps/features/{name}.h5"),
        run=name,
        loss=run.loss.name,
        batch_size=params.dumps.batch_size,
    )


if __name__ == "__main__":
    run_stage(main)
