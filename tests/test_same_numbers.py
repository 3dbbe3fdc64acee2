"""What two tables show under one name is one number: in the results that are committed."""

import json
from pathlib import Path

import pandas as pd
import pytest

from imbalens.analysis.common.measures import CAM_ALIGNMENT, CONCEPTS
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS
from imbalens.params.experiment import repeats
from imbalens.params.loading import load_params
from imbalens.reports.differences.headings import MEASURES

ROOT = Path(__file__).parents[1]
PARAMS = load_params(ROOT / "params.yaml")
ALONE = [
    (dataset, run)
    for dataset in PARAMS.datasets
    for run, trainings in repeats(PARAMS, dataset).items()
    if len(trainings) == 1
]
PERFORMANCE = {spec.name: spec for spec in (*OF_CLASSES, *OF_LABELS)}
KLDS = {"kld": "NNB KLD", "kld_fdr": "FDR KLD", "kld_random": "Rand. KLD"}


def same(value):
    return pytest.approx(value, rel=1e-12, nan_ok=True)


def metrics_of(stage, run):
    path = ROOT / f"metrics/{stage}/{run}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def at(metrics, path):
    """What stands under a path of keys; NaN where it is null."""
    for key in path:
        metrics = metrics[key]
    return float("nan") if metrics is None else metrics


def of_run(spec, run, label=""):
    """A run's own metric, over all classes or of one."""
    metrics = metrics_of(spec.stage, run)
    if not label:
        return at(metrics, spec.path)
    by_label = metrics.get("class")
    return at(by_label, (label, spec.name)) if by_label else at(metrics, (spec.name, label))


@pytest.mark.parametrize(("dataset", "run"), ALONE)
def test_the_table_of_runs_repeats_the_metrics(dataset, run):
    row = pd.read_csv(ROOT / f"plots/compare/{dataset}.csv").set_index("run").loc[run]
    shown = (*PERFORMANCE.values(), *CAM_ALIGNMENT, *CONCEPTS)
    checked = [spec for spec in shown if spec.name in row and metrics_of(spec.stage, run)]
    assert checked
    for spec in checked:
        assert row[spec.name] == same(of_run(spec, run)), spec.name
        if f"{spec.name}_classes" in row:
            assert row[f"{spec.name}_classes"] == at(
                metrics_of(spec.stage, run), ("classes", spec.name)
            )


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_values_that_are_compared_are_the_metrics_of_both_runs(dataset):
    """But for divergences over fewer classes, which the column `classes` says."""
    rows = pd.read_csv(ROOT / f"plots/differences/{dataset}.csv", dtype=str, keep_default_na=False)
    declared = {(spec.stage, spec.name): spec for spec in MEASURES}
    judged = 0
    for _, row in rows.iterrows():
        spec = declared.get((row["stage"], row["measure"]))
        for side, column in (("run", "value"), ("baseline", "baseline_value")):
            if spec is None or (dataset, row[side]) not in ALONE:
                continue
            if row["class"] and spec.key:
                continue  # metrics of variants are over all classes only
            value = float(row[column] or "nan")
            metrics = metrics_of(spec.stage, row[side])
            if not row["class"] and row["classes"] != "":
                counts = metrics["classes"]
                over = counts if isinstance(counts, int) else counts[spec.name]
                if int(row["classes"]) < over:
                    assert spec.mean == "defined" or spec.name == "precision"
                    continue
                assert int(row["classes"]) == over
            assert value == same(of_run(spec, row[side], row["class"])), (spec.name, row[side])
            judged += 1
    assert judged > 20


@pytest.mark.parametrize(("dataset", "run"), ALONE)
def test_trainings_and_the_papers_table_repeat_the_metrics(dataset, run):
    seeds = pd.read_csv(ROOT / f"plots/differences/{dataset}-seeds.csv").set_index("training")
    declared = {(spec.stage, spec.name): spec for spec in MEASURES}
    for _, row in seeds.loc[[run]].iterrows():
        spec = declared.get((row["stage"], row["measure"]))
        if spec is not None:
            assert row["value"] == same(of_run(spec, run)), spec.name
    rows = pd.read_csv(ROOT / f"plots/differences/{dataset}-paper_b_table_2.csv")
    papers = rows.set_index("Run").loc[run]
    assert papers["Classes"] == metrics_of("adversaries", run)["classes"]
    for spec in MEASURES:
        if spec.name in KLDS:
            assert papers[KLDS[spec.name]] == same(of_run(spec, run))


@pytest.mark.parametrize(("dataset", "run"), ALONE)
def test_the_table_of_classes_repeats_the_metrics(dataset, run):
    del dataset
    classes = pd.read_csv(ROOT / f"plots/performance/{run}.csv", dtype=str, keep_default_na=False)
    for _, row in classes.iterrows():
        for column in set(classes) & set(PERFORMANCE):
            value = float(row[column] or "nan")
            assert value == same(of_run(PERFORMANCE[column], run, row["class"])), column


def test_focus_repeats_the_metrics_of_its_run():
    for stage, metrics in json.loads((ROOT / "metrics/focus.json").read_text()).items():
        assert metrics == metrics_of(stage, PARAMS.focus)
