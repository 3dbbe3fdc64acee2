"""Dump how salient every pixel is for a run to data/dumps/saliency/RUN.h5."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.dumps.saliency import dump_saliency
from imbalens.dumps.trained import load_trained


def main(argv: Sequence[str] | None = None) -> None:
    """Write saliency ranks of the training images."""
    name, params = parse_stage(__doc__, "run", argv)
    run = pick(params.runs, "runs", name)
    trained = load_trained(
        name,
        run,
        device_name=params.dumps.device,
        splits=["train"],
    )
    dump_saliency(
        trained,
        Path(f"data/dumps/saliency/{name}.h5"),
        run=name,
        score=params.analyses.dump_saliency.score,
        batch_size=params.dumps.batch_size,
    )


if __name__ == "__main__":
    run_stage(main)
