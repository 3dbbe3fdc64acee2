"""Prepare a dataset: its images with the wanted imbalance, in data/prepared/DATASET.h5."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.checks import find_image_problems
from imbalens.reports.common.not_applicable import draw_reason
from imbalens.reports.common.sampling import choose_samples
from imbalens.reports.common.titles import dataset_title
from imbalens.reports.prepare import MAX_SAMPLES, draw_samples
from imbalens.store.files import write_json
from imbalens.store.prepared import read_examples, read_metadata, read_pairs


def main(argv: Sequence[str] | None = None) -> None:
    """Write the prepared file, what it holds, and a sheet of samples."""
    name, params = parse_stage(__doc__, "dataset", argv)
    dataset = pick(params.datasets, "datasets", name)
    path = Path(f"data/prepared/{name}.h5")
    summary = prepare(dataset, path)
    if problems := find_image_problems(params, name, summary):
        raise InputError("\n".join(problems))
    write_json(Path(f"metrics/prepare/{name}.json"), summary)
    figure = Path(f"plots/figures/prepare/{name}.png")
    if dataset.image_size is None:
        return draw_reason(f"{name} has no images", figure)
    pairs, metadata = read_pairs(path, "test"), read_metadata(path)
    head_first = [metadata.head_first.index(name) for name in metadata.class_names]
    shown = choose_samples(np.array(head_first)[pairs[:, 1]], n_samples=MAX_SAMPLES)
    return draw_samples(
        read_examples(path, "test", pairs[shown]),
        figure,
        dataset=dataset_title(name, generated=metadata.generated),
        n_classes=len(metadata.class_names),
    )


if __name__ == "__main__":
    run_stage(main)
