"""Dump a run's last convolutional maps of the annotated images to data/dumps/maps/RUN.h5."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

import torch

from imbalens.dumps.maps import dump_maps
from imbalens.dumps.trained import load_trained
from imbalens.models.build import build_model
from imbalens.store.prepared import read_boxes


def main(argv: Sequence[str] | None = None) -> None:
    """Write the maps, the boxes and the head."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.dump_maps
    boxes = read_boxes(Path(f"data/prepared/{run.dataset}.h5"), options.split)
    trained = load_trained(name, run, device_name=params.dumps.device, splits=[options.split])
    untrained = None
    if options.untrained:
        torch.manual_seed(run.seed)
        size = trained.images[options.split].images.shape[1]
        outputs = len(trained.prepared.class_names)
        untrained = build_model(run.model, run.loss, outputs, image_size=size)
    dump_maps(
        trained,
        untrained,
        boxes,
        Path(f"data/dumps/maps/{name}.h5"),
        run=name,
        split=options.split,
        layer=options.layer.get(trained.model.family),
        batch_size=params.dumps.batch_size,
    )


if __name__ == "__main__":
    run_stage(main)
