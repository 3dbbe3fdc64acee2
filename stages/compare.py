"""Put all runs of a dataset side by side: tables and figures of paper A."""

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from imbalens.analysis.cam_alignment.alignment import align_cells
from imbalens.errors import InputError
from imbalens.params.analyses import CamAlignmentAnalysis
from imbalens.params.experiment import Params
from imbalens.reports.compare import (
    CamRow,
    draw_cam_rows,
    draw_class_figures,
    runs_markdown,
    runs_table,
)
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import read_table, write_csv, write_text
from imbalens.store.prepared import open_prepared, read_metadata

STAGES = ("performance", "cam_alignment", "concepts")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table of runs as CSV and Markdown, and both figures."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    data, metrics = Path(f"data/prepared/{name}.h5"), read_runs(params, name)
    title = dataset_title(name, generated=read_metadata(data).generated)
    table = runs_table(metrics)
    plots, figures = Path("plots/compare"), Path("plots/figures/compare")
    write_csv(plots / f"{name}.csv", table)
    write_text(plots / f"{name}.md", runs_markdown(table, dataset=title))
    draw_class_figures(metrics, figures / f"{name}.png", dataset=title)
    mapped = [run for run in metrics if run in params.dumps.maps.runs]
    rows = read_cam_rows(data, mapped, params)
    draw_cam_rows(rows, figures / f"{name}-cams.png", dataset=title, runs=mapped)


def read_runs(params: Params, dataset: str) -> dict[str, dict[str, Any]]:
    """Return per run of the dataset its network, its loss, and its metrics by stage."""
    read: dict[str, dict[str, Any]] = {}
    for name, run in params.runs.items():
        if run.dataset != dataset:
            continue
        read[name] = {"model": run.model.name, "loss": run.loss.name}
        for stage in STAGES if name in params.dumps.maps.runs else STAGES[:1]:
            path = Path(f"metrics/{stage}/{name}.json")
            if not path.exists():
                raise InputError(f"{path} is missing; run: dvc repro {stage}@{name}")
            read[name][stage] = json.loads(path.read_text(encoding="utf-8"))
    return read


def read_cam_rows(data: Path, runs: Sequence[str], params: Params) -> list[CamRow]:
    """Return the example images with their boxes and, by run, their class activation maps."""
    split, options = params.analyses.dump_maps.split, params.analyses.cam_alignment
    tables = {
        run: read_table(
            Path(f"plots/cam_examples/{run}.csv"), command=f"dvc repro cam_alignment@{run}"
        )
        for run in runs
    }
    if not tables:
        return []
    rows: list[CamRow] = []
    with open_prepared(data, split) as file:
        names, images, boxes = file.attrs["class_names"], *_images_and_boxes(file, split)
        first = next(iter(tables.values()))
        for example, cells in first.groupby(first["example"].astype(int)):
            row, label = int(cells["row"].iloc[0]), cells["class"].iloc[0]
            own = (boxes[:, 0] == row) & (boxes[:, 1] == list(names).index(label))
            rows.append(
                CamRow(
                    name=label,
                    image=images[row],
                    boxes=boxes[own, 2:],
                    cams={
                        run: read_cam(table, example, images.shape[1], options)
                        for run, table in tables.items()
                    },
                )
            )
    return rows


def _images_and_boxes(file: Any, split: str) -> tuple[Any, np.ndarray]:  # noqa: ANN401
    return file[f"{split}/images"], file[f"{split}/boxes"][:]


def read_cam(
    table: pd.DataFrame, example: Hashable, size: int, options: CamAlignmentAnalysis
) -> Float[np.ndarray, "s s"]:
    """Return one example's map at the image's size, from 0 to 1."""
    cells = table[table["example"].astype(int) == example]
    return align_cells(
        cells["y"].astype(int).to_numpy(),
        cells["x"].astype(int).to_numpy(),
        cells["value"].astype(float).to_numpy(),
        image_size=size,
        relu=options.relu,
        normalize_before_resize=options.normalize_before_resize,
    )


if __name__ == "__main__":
    run_stage(main)
