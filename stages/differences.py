"""Compare every measure of a dataset's runs with their baselines, by paired bootstrap."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.bootstrap import resample_images
from imbalens.analysis.common.memberships import decide, label_thresholds
from imbalens.analysis.comparison import compare_runs
from imbalens.analysis.run_measures import (
    Measure,
    class_measures,
    image_measures,
    label_measures,
    pair_measures,
)
from imbalens.core.files import InputError, read_table, write_csv, write_json, write_text
from imbalens.core.prepared import read_metadata
from imbalens.core.stage import parse_stage, pick, run_stage
from imbalens.dumps.files import FeatureDump, read_features, require_same_images
from imbalens.params import Analyses, Params, baseline_of, repeats
from imbalens.reports.differences import (
    differences_metrics,
    differences_table,
    draw_differences,
    paper_tables,
)

INSTANCES = Path("data/instances")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the differences as metrics, CSV, the papers' tables and a figure."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    options, groups = params.analyses.compare, repeats(params, name)
    runs = [run for of_group in groups.values() for run in of_group]
    require_same_images(
        [Path(f"data/dumps/features/{run}.h5") for run in runs],
        sorted({split for run in runs for split in splits_of(run, params)}),
    )
    measured = {
        first: [measure_run(run, params) for run in of_group] for first, of_group in groups.items()
    }
    differences = compare_runs(
        measured,
        {run: base for run in groups if (base := baseline_of(params, run)) != run},
        confidence=options.confidence,
        min_images=options.min_images,
        seed=options.seed,
    )
    generated = read_metadata(Path(f"data/prepared/{name}.h5")).generated
    title = f"{name} (generated images)" if generated else name
    plots, figures = Path("plots/differences"), Path("plots/figures/differences")
    write_json(Path(f"metrics/differences/{name}.json"), differences_metrics(differences))
    write_csv(plots / f"{name}.csv", differences_table(differences))
    trained = {run: (params.runs[run].model.name, params.runs[run].loss.name) for run in groups}
    tables = paper_tables(differences, trained, confidence=options.confidence)
    tables = tables or "No baseline and run of this dataset both have maps (dumps.maps.runs).\n"
    write_text(plots / f"{name}.md", f"# {title}: what the loss changed\n\n{tables}")
    draw_differences(
        differences, figures / f"{name}.png", dataset=title, confidence=options.confidence
    )


def splits_of(run: str, params: Params) -> set[str]:
    """Return the splits that a run is measured on."""
    split, maps = params.analyses.performance.split, params.dumps.maps
    return {split, maps.split} if run in maps.runs else {split}


def measure_run(run: str, params: Params) -> list[Measure]:
    """Return all measures of one training on the resampled images of its dataset."""
    split, maps = params.analyses.performance.split, params.dumps.maps
    dump = read_features(
        Path(f"data/dumps/features/{run}.h5"), sorted({"train", *splits_of(run, params)})
    )
    measures = measure_performance(dump, split, draw(dump, split, params), params.analyses)
    if run in maps.runs:
        weights = draw(dump, maps.split, params)
        per_image = params.analyses.concepts.normalize_by == "image"
        measures += measure_boxes(run, dump, weights, per_image=per_image)
    return measures


def draw(dump: FeatureDump, split: str, params: Params) -> Int[np.ndarray, "r n"]:
    """Draw the images of a split, once for all runs of a dataset."""
    options = params.analyses.compare
    return _draw_once(len(dump.splits[split].index), options.n_resamples, options.seed)


@cache
def _draw_once(n_images: int, n_resamples: int, seed: int) -> Int[np.ndarray, "r n"]:
    return resample_images(n_images, n_resamples=n_resamples, seed=seed)


def measure_performance(
    dump: FeatureDump, split: str, weights: Int[np.ndarray, "r n"], analyses: Analyses
) -> list[Measure]:
    """Return the measures of the stage `performance`."""
    options, seen = analyses.performance, dump.splits[split]
    if dump.task == "multiclass":
        return class_measures(
            weights,
            seen.scores,
            seen.targets,
            dump.counts,
            dump.class_names,
            n_bins=options.ece_bins,
            many_above=options.many_above,
            few_below=options.few_below,
        )
    train = dump.splits["train"]
    thresholds = label_thresholds(train.scores, train.targets, decision=analyses.labels.decision)
    return label_measures(
        weights,
        seen.scores,
        seen.targets,
        decide(seen.scores, thresholds),
        dump.class_names,
        n_bins=options.ece_bins,
    )


def measure_boxes(
    run: str, dump: FeatureDump, weights: Int[np.ndarray, "r n"], *, per_image: bool
) -> list[Measure]:
    """Return the measures of the stages `cam_alignment` and `concepts`."""
    pairs, counts = read_instances("cam_alignment", run), read_instances("concepts", run)
    if pairs.empty:
        return []
    codes = {label: code for code, label in enumerate(dump.class_names)}
    columns = [str(column) for column in pairs if column not in ("row", "class")]
    measures = pair_measures(
        weights,
        "cam_alignment",
        {column: pairs[column].to_numpy(dtype=float) for column in columns},
        pairs["row"].to_numpy(dtype=int),
        pairs["class"].map(codes).to_numpy(dtype=int),
        dump.class_names,
    )
    counted = counts[(counts["class"] == "") == per_image]
    return measures + image_measures(
        weights,
        "concepts",
        {key: counted[key].to_numpy(dtype=float) for key in ("disjoint", "unique")},
        counted["row"].to_numpy(dtype=int),
    )


def read_instances(stage: str, run: str) -> pd.DataFrame:
    """Read what a stage measured per image and class; empty fields are NaN.

    Raises:
        InputError: if the table is missing.
    """
    table = read_table(INSTANCES / stage / f"{run}.csv", command=f"dvc repro {stage}@{run}")
    numbers = [str(column) for column in table if column != "class"]
    try:
        return table.assign(**{key: pd.to_numeric(table[key]) for key in numbers})
    except ValueError as error:
        raise InputError(f"{INSTANCES / stage / run}.csv: {error}; run the stage again") from error


if __name__ == "__main__":
    run_stage(main)
