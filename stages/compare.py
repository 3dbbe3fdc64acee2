"""Put all runs of a dataset side by side: tables and figures of paper A."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.reading.examples import read_cam_examples
from imbalens.reports.compare import (
    draw_cam_rows,
    draw_class_figures,
    runs_markdown,
    runs_table,
)
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_text
from imbalens.store.prepared import read_metadata

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
    examples, cams = read_cam_examples(name, mapped, params)
    draw_cam_rows(examples, cams, figures / f"{name}-cams.png", dataset=title)


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


if __name__ == "__main__":
    run_stage(main)
