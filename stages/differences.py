"""Compare every measure of a dataset's runs with their baselines, by paired bootstrap."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.differences.adversaries import adversary_measures, divergence_intervals
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.comparison import Difference, compare_runs
from imbalens.analysis.differences.measure import Measure, images_behind
from imbalens.analysis.differences.measures_of_run import (
    class_measures,
    image_measures,
    label_measures,
    pair_measures,
)
from imbalens.classes import (
    decide,
)
from imbalens.dumps.files import FeatureDump, read_features, require_same_images
from imbalens.errors import InputError
from imbalens.params.analyses import Analyses
from imbalens.params.experiment import Params, baseline_of, repeats
from imbalens.reports.differences.differences import (
    differences_metrics,
    differences_table,
    draw_differences,
)
from imbalens.reports.differences.notes import differences_notes
from imbalens.reports.differences.paper_layout import (
    PaperTable,
    paper_frame,
    paper_json,
    paper_markdown,
)
from imbalens.reports.differences.paper_tables import (
    Setup,
    divergence_table,
    paper_a_tables,
    setup_table,
)
from imbalens.reports.differences.seeds import seeds_metrics, seeds_table
from imbalens.reports.shares import share_matrix
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import read_table, write_csv, write_json, write_text
from imbalens.store.prepared import open_prepared, read_metadata

INSTANCES = Path("data/instances")
# what a measure scores, as the stage `adversaries` calls it
PREDICTORS = {"kld": "neighbours", "kld_fdr": "FDR", "kld_random": "random"}


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
    title = dataset_title(name, generated=generated)
    tables = lay_out(name, differences, measured, params)
    plots, figures = Path("plots/differences"), Path("plots/figures/differences")
    table = seeds_table(
        measured,
        {first: {run: params.runs[run].seed for run in of} for first, of in groups.items()},
    )
    write_json(
        Path(f"metrics/differences/{name}.json"),
        differences_metrics(differences) | seeds_metrics(table),
    )
    write_csv(plots / f"{name}-seeds.csv", table)
    write_csv(plots / f"{name}.csv", differences_table(differences))
    for laid_out in tables:
        write_csv(plots / f"{name}-{laid_out.name}.csv", paper_frame(laid_out))
    write_json(plots / f"{name}-tables.json", paper_json(tables))
    text = [f"# {title}: what the loss changed\n", *map(paper_markdown, tables)]
    write_text(plots / f"{name}.md", "\n".join([*text, describe(name, runs[0], params)]))
    draw_differences(
        differences, figures / f"{name}.png", dataset=title, confidence=options.confidence
    )


def lay_out(
    name: str,
    differences: Sequence[Difference],
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    params: Params,
) -> list[PaperTable]:
    """Return the papers' tables of a dataset, filled with what its runs measured."""
    options, adversaries = params.analyses.compare, params.analyses.adversaries
    trained = {run: (params.runs[run].model.name, params.runs[run].loss.name) for run in measured}
    task = read_metadata(Path(f"data/prepared/{name}.h5")).task
    divergences = divergence_intervals(
        measured, confidence=options.confidence, min_images=options.min_images, seed=options.seed
    )
    return [
        *paper_a_tables(differences, trained, task=task, confidence=options.confidence),
        setup_table(name, [read_setup(name, run, params) for run in measured]),
        divergence_table(
            name,
            divergences,
            split=adversaries.split,
            errors=adversaries.errors,
            confidence=options.confidence,
        ),
    ]


def read_setup(name: str, run: str, params: Params) -> Setup:
    """Return the size of a dataset and how a run was trained on it."""
    path, trained = Path(f"data/prepared/{name}.h5"), params.runs[run]
    about = read_metadata(path)
    with open_prepared(path, "test") as file:
        shape = file["test/images"].shape
    seen = read_dump(run, ["train"], params).splits["train"]
    return Setup(
        task=about.task,
        counts=about.counts,
        n_train=about.n_train,
        test_shape=shape,
        n_features=seen.features.shape[1],
        imbalance=params.datasets[name].imbalance.kind,
        epochs=None if trained.checkpoint else params.recipes[trained.recipe].epochs,
        network=trained.model.name,
    )


def describe(name: str, run: str, params: Params) -> str:
    """Return the notes on how to read a dataset's differences."""
    split = params.analyses.performance.split
    dump = read_dump(run, [split], params)
    counts = images_behind(dump.splits[split].targets, n_classes=len(dump.label_names))
    return differences_notes(
        dict(zip(dump.label_names, counts.tolist(), strict=True)),
        several=dump.task != "multiclass",
        split=split,
        min_images=params.analyses.compare.min_images,
        by_patient=read_patients(name, split) is not None,
    )


def splits_of(run: str, params: Params) -> set[str]:
    """Return the splits that a run is measured on."""
    analyses = params.analyses
    splits = {analyses.performance.split, analyses.adversaries.split}
    return splits | {analyses.dump_maps.split} if run in params.dumps.maps.runs else splits


def measure_run(run: str, params: Params) -> list[Measure]:
    """Return all measures of one training on the resampled images of its dataset."""
    split, split_of_maps = params.analyses.performance.split, params.analyses.dump_maps.split
    dataset = params.runs[run].dataset
    dump = read_dump(run, sorted(splits_of(run, params)), params)
    patients = read_patients(dataset, split)
    weights = draw(dump, split, params, patients)
    measures = measure_performance(dump, split, weights, patients, params.analyses)
    measures += measure_adversaries(run, dump, params)
    if run in params.dumps.maps.runs:
        patients = read_patients(dataset, split_of_maps)
        weights = draw(dump, split_of_maps, params, patients)
        per_image = params.analyses.concepts.normalize_by == "image"
        measures += measure_boxes(run, dump, weights, patients, per_image=per_image)
    return measures


def read_dump(run: str, splits: Sequence[str], params: Params) -> FeatureDump:
    """Read splits of a run's features."""
    return read_features(
        Path(f"data/dumps/features/{run}.h5"), splits, decision=params.analyses.labels.decision
    )


def read_patients(dataset: str, split: str) -> Int[np.ndarray, " n"] | None:
    """Read the patient of each image of a split, None where they are not known."""
    with open_prepared(Path(f"data/prepared/{dataset}.h5"), split) as file:
        stored = file.get(f"{split}/patients")
        return None if stored is None else stored[:]


def draw(
    dump: FeatureDump, split: str, params: Params, patients: Int[np.ndarray, " n"] | None
) -> Int[np.ndarray, "r n"]:
    """Draw the images of a split, once for all runs of a dataset."""
    options = params.analyses.compare
    return _draw_once(
        len(dump.splits[split].index),
        options.n_resamples,
        options.seed,
        None if patients is None else tuple(patients.tolist()),
    )


@cache
def _draw_once(
    n_images: int, n_resamples: int, seed: int, patients: tuple[int, ...] | None
) -> Int[np.ndarray, "r n"]:
    of = None if patients is None else np.array(patients)
    return resample_images(n_images, n_resamples=n_resamples, seed=seed, patients=of)


def measure_performance(
    dump: FeatureDump,
    split: str,
    weights: Int[np.ndarray, "r n"],
    patients: Int[np.ndarray, " n"] | None,
    analyses: Analyses,
) -> list[Measure]:
    """Return the measures of the stage `performance`."""
    options, seen = analyses.performance, dump.splits[split]
    if dump.task == "multiclass":
        return class_measures(
            weights,
            seen.scores,
            seen.targets,
            dump.class_counts,
            dump.class_names,
            n_bins=options.ece_bins,
            many_above=options.many_above,
            few_below=options.few_below,
            min_images=analyses.compare.min_images,
            patients=patients,
        )
    assert dump.thresholds is not None
    return label_measures(
        weights,
        seen.scores,
        seen.targets,
        decide(seen.scores, dump.thresholds),
        dump.label_names,
        n_bins=options.ece_bins,
        min_images=analyses.compare.min_images,
        patients=patients,
    )


def measure_adversaries(run: str, dump: FeatureDump, params: Params) -> list[Measure]:
    """Return the measures of the stage `adversaries`."""
    options = params.analyses.adversaries
    seen, names = dump.splits[options.split], dump.class_names
    pairs = read_table(
        Path(f"plots/adversaries/{run}.csv"), command=f"dvc repro adversaries@{run}"
    )
    shares = {
        name: share_matrix(
            pairs[pairs["kind"] == kind], column="adversary", classes=names, entries=names
        )
        for name, kind in PREDICTORS.items()
    }
    silent = np.isnan(shares["kld"]).any(axis=1, keepdims=True)
    patients = read_patients(params.runs[run].dataset, options.split)
    return adversary_measures(
        draw(dump, options.split, params, patients),
        seen.classes,
        seen.predictions,
        {name: np.where(silent, np.nan, share) for name, share in shares.items()},
        errors=options.errors,
        eps=options.eps,
        patients=patients,
    )


def measure_boxes(
    run: str,
    dump: FeatureDump,
    weights: Int[np.ndarray, "r n"],
    patients: Int[np.ndarray, " n"] | None,
    *,
    per_image: bool,
) -> list[Measure]:
    """Return the measures of the stages `cam_alignment` and `concepts`."""
    pairs, counts = read_instances("cam_alignment", run), read_instances("concepts", run)
    if pairs.empty:
        return []
    codes = {label: code for code, label in enumerate(dump.label_names)}
    columns = [str(column) for column in pairs if column not in ("row", "class")]
    measures = pair_measures(
        weights,
        "cam_alignment",
        {column: pairs[column].to_numpy(dtype=float) for column in columns},
        pairs["row"].to_numpy(dtype=int),
        pairs["class"].map(codes).to_numpy(dtype=int),
        dump.label_names,
        patients=patients,
    )
    counted = counts[(counts["class"] == "") == per_image]
    return measures + image_measures(
        weights,
        "concepts",
        {key: counted[key].to_numpy(dtype=float) for key in ("disjoint", "unique")},
        counted["row"].to_numpy(dtype=int),
        patients=patients,
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
