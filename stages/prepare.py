"""Prepare a dataset: its images with the wanted imbalance, in data/prepared/DATASET.h5."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.checks import find_image_problems
from imbalens.reports.common.sampling import choose_samples
from imbalens.reports.prepare import MAX_SAMPLES, Sample, draw_samples
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_json
from imbalens.store.prepared import open_prepared, read_metadata


def main(argv: Sequence[str] | None = None) -> None:
    """Write the prepared file, what it holds, and a sheet of samples."""
    name, params = parse_stage(__doc__, "dataset", argv)
    dataset = pick(params.datasets, "datasets", name)
    path = Path(f"data/prepared/{name}.h5")
    summary = prepare(dataset, path)
    if problems := find_image_problems(params, name, summary):
        raise InputError("\n".join(problems))
    write_json(Path(f"metrics/prepare/{name}.json"), summary)
    title = dataset_title(name, generated=read_metadata(path).generated)
    samples = read_samples(path)
    draw_samples(samples, Path(f"plots/figures/prepare/{name}.png"), dataset=title)


def read_samples(path: Path) -> list[Sample]:
    """Return test images with boxes, of all classes that have some, or else of all classes."""
    names = read_metadata(path).class_names
    with open_prepared(path, "test") as file:
        test = file["test"]
        boxes = test["boxes"][:] if "boxes" in test else np.empty((0, 6), np.int64)
        rows, classes = np.unique(boxes[:, :2], axis=0).T
        if not len(rows):
            labels = test["labels"][:]
            rows, classes = (
                np.nonzero(labels) if labels.ndim == 2 else (np.arange(len(labels)), labels)
            )
        chosen = choose_samples(classes, n_samples=MAX_SAMPLES)
        return [
            Sample(
                title=names[label],
                image=test["images"][row],
                boxes=boxes[(boxes[:, :2] == (row, label)).all(axis=1), 2:],
            )
            for row, label in zip(rows[chosen], classes[chosen], strict=True)
        ]


if __name__ == "__main__":
    run_stage(main)
