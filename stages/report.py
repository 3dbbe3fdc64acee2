"""Write the report: one HTML file about all datasets, which needs no network."""

import argparse
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from imbalens.analysis.cam_alignment.alignment import align_cells
from imbalens.params.experiment import Params, repeats
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.params.runs import Run
from imbalens.reports.page import reading
from imbalens.reports.page.fitting import fit_page
from imbalens.reports.page.images import framed, thumbnail
from imbalens.reports.page.results import CamExample, DatasetResults, RunAbout
from imbalens.reports.page.shell import find_vega
from imbalens.stage import run_stage
from imbalens.store.files import read_table, write_text
from imbalens.store.prepared import open_prepared, read_images, read_metadata

OUTPUT = Path("plots/report.html")
VEGA_PAGE = Path(".dvc/plots/page.html")
MAX_BYTES = 15_000_000
TABLE_TITLES = {
    "compare": "all figures",
    "changes": "what changed from the baseline",
    "changes-adversaries": "nearest adversaries before and after",
    "changes-flow": "archetypes before and after",
    "changes-similarity": "similarity of features",
}
PACKAGES = ("imbalens", "torch", "numpy", "scikit-learn", "dvc")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    datasets = [read_dataset(name, params) for name in params.datasets]
    vega = find_vega(VEGA_PAGE.read_text(encoding="utf-8"))
    page, excess = fit_page(datasets, versions=versions, vega=vega, limit=MAX_BYTES)
    write_text(OUTPUT, page)
    if excess:
        print(f"warning: {OUTPUT}: {excess}", file=sys.stderr)


def read_dataset(name: str, params: Params) -> DatasetResults:
    """Read everything that the report shows of one dataset."""
    data = Path(f"data/prepared/{name}.h5")
    metrics = reading.read_json(
        Path(f"metrics/prepare/{name}.json"), command=f"dvc repro prepare@{name}"
    )
    about = read_metadata(data)
    runs = describe_runs(name, params)
    names, mapped = [run.name for run in runs], params.dumps.maps.runs
    of_runs, missing = reading.read_run_tables(
        names,
        some={
            "saliency_colours": params.dumps.saliency.runs,
            "cam_alignment": mapped,
            "concepts": mapped,
        },
    )
    prototypes = of_runs.pop("archetypes-prototypes", None)
    tables = reading.read_dataset_tables(name, params.datasets)
    differences = reading.read_optional(Path(f"plots/differences/{name}.csv"))
    claims = reading.read_optional(Path(f"plots/claims/{name}.csv"))
    prior_shift = reading.read_optional(Path(f"plots/claims/{name}-prior_shift.csv"))
    for what, table, stage in (
        ("the runs side by side", tables.get("compare"), "compare"),
        ("differences from the baseline", differences, "differences"),
        ("verdicts on the papers' claims", claims, "claims"),
    ):
        if table is None:
            missing.append((what, f"dvc repro {stage}@{name}"))
    pairs = [pair for pair, runs_of in params.false_positives.items() if runs_of.baseline in names]
    figures = reading.find_figures(name, names, datasets=params.datasets, pairs=pairs)
    return DatasetResults(
        name=name,
        generated=str(metrics.get("generated", "the images")) if about.generated else "",
        facts=reading.read_facts(metrics),
        counts=reading.read_counts(metrics),
        runs=runs,
        confidence=params.analyses.compare.confidence,
        of_runs=of_runs,
        tables={
            f"{name}: {TABLE_TITLES.get(key, key.replace('-', ' '))}": table
            for key, table in tables.items()
        },
        differences=differences,
        papers=reading.read_papers(Path(f"plots/differences/{name}-tables.json")),
        notes=reading.read_notes(Path(f"plots/differences/{name}.md")),
        claims=claims,
        prior_shift=prior_shift,
        figures=figures,
        prototypes={} if prototypes is None else read_prototypes(data, prototypes),
        cams=read_cams(data, [run for run in names if run in mapped], params),
        missing=missing,
    )


def describe_runs(dataset: str, params: Params) -> list[RunAbout]:
    """Return the runs of a dataset; those that differ in the seed alone form a group."""
    groups = repeats(params, dataset)
    found = []
    for group, name in ((first, name) for first, names in groups.items() for name in names):
        run = params.runs[name]
        epochs = "checkpoint" if run.checkpoint else f"{params.recipes[run.recipe].epochs} epochs"
        found.append(
            RunAbout(
                name=name,
                group=group,
                network=run.model.name,
                loss=describe_loss(run),
                recipe=f"{run.recipe}, {epochs}",
                seed=run.seed,
            )
        )
    return found


def describe_loss(run: Run) -> str:
    """Return a loss with what was chosen: `ldam (max_margin 0.5, scale 30), drw from epoch 10`."""
    chosen = run.loss.model_dump(exclude={"name"}).items()
    text = ", ".join(
        key
        if value is True
        else f"{key} {value:g}"
        if isinstance(value, float)
        else f"{key} {value}"
        for key, value in chosen
        if value is not None and value is not False
    )
    drw = f", drw from epoch {run.drw.start_epoch}" if run.drw else ""
    return f"{run.loss.name} ({text}){drw}" if text else f"{run.loss.name}{drw}"


def read_prototypes(data: Path, table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """Return the image of each prototype as a data URI, by run, class and archetype."""
    chosen = table[table["row"] != ""]
    rows = chosen["row"].astype(int).to_numpy()
    images = read_images(data, "train", rows)
    encoded = {row: thumbnail(image) for row, image in images.items()}
    keys = zip(chosen["run"], chosen["class"], chosen["archetype"], strict=True)
    return {key: encoded[row] for key, row in zip(keys, rows.tolist(), strict=True)}


def read_cams(data: Path, runs: Sequence[str], params: Params) -> list[CamExample]:
    """Return the annotated example images, each alone and under the map of each run."""
    split, options = params.analyses.dump_maps.split, params.analyses.cam_alignment
    tables: Mapping[str, pd.DataFrame] = {
        run: read_table(
            Path(f"plots/cam_examples/{run}.csv"), command=f"dvc repro cam_alignment@{run}"
        )
        for run in runs
    }
    if not tables:
        return []
    found = []
    with open_prepared(data, split) as file:
        names, images = list(file.attrs["class_names"]), file[f"{split}/images"]
        boxes = file[f"{split}/boxes"][:]
        for example, cells in next(iter(tables.values())).groupby("example", sort=False):
            row, label = int(cells["row"].iloc[0]), cells["class"].iloc[0]
            image = images[row]
            own = boxes[(boxes[:, 0] == row) & (boxes[:, 1] == names.index(label)), 2:]
            cams = {}
            for run, table in tables.items():
                cam = table[table["example"] == example]
                aligned = align_cells(
                    cam["y"].astype(int).to_numpy(),
                    cam["x"].astype(int).to_numpy(),
                    cam["value"].astype(float).to_numpy(),
                    image_size=len(image),
                    relu=options.relu,
                    normalize_before_resize=options.normalize_before_resize,
                )
                cams[run] = framed(image, aligned, own)
            found.append(CamExample(label, framed(image, None, own), cams))
    return found


if __name__ == "__main__":
    run_stage(main)
