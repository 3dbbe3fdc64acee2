"""What two tables show under one name is one number: in the results that are committed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.common.measures import CAM_ALIGNMENT, CONCEPTS
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS
from imbalens.analysis.summary import HEADLINES
from imbalens.params.experiment import baselines_of, settings
from imbalens.params.loading import load_params
from imbalens.reports.differences.headings import MEASURES

ROOT = Path(__file__).parents[1]
PARAMS = load_params(ROOT / "params.yaml")
SETTINGS = [(name, one) for name in PARAMS.datasets for one in settings(PARAMS, name)]
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


def of_setting(spec, dataset, setting, label=""):
    """The mean of that over the trainings that have it; NaN where one is undefined."""
    runs = settings(PARAMS, dataset)[setting]
    return np.mean([of_run(spec, run, label) for run in runs if metrics_of(spec.stage, run)])


def classes_of(spec, dataset, setting):
    """How many classes each training's mean is over."""
    found = []
    for run in settings(PARAMS, dataset)[setting]:
        counts = metrics_of(spec.stage, run)["classes"]
        found.append(counts if isinstance(counts, int) else counts[spec.name])
    return found


@pytest.mark.parametrize(("dataset", "setting"), SETTINGS)
def test_the_table_of_settings_repeats_the_metrics(dataset, setting):
    table = pd.read_csv(ROOT / f"plots/compare/{dataset}.csv").set_index("setting")
    row, runs = table.loc[setting], settings(PARAMS, dataset)[setting]
    shown = (*PERFORMANCE.values(), *CAM_ALIGNMENT, *CONCEPTS)
    checked = 0
    for spec in shown:
        having = [run for run in runs if metrics_of(spec.stage, run)]
        if spec.name in row and having:
            assert row[f"{spec.stage}_trainings"] == len(having)
            assert row[spec.name] == same(of_setting(spec, dataset, setting)), spec.name
            checked += 1
        if f"{spec.name}_classes" in row:
            over = np.mean(classes_of(spec, dataset, setting))
            assert row[f"{spec.name}_classes"] == over
    assert checked


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_values_that_are_compared_are_the_means_of_the_metrics_of_both_sides(dataset):
    """But for divergences over fewer classes, which the column `classes` says."""
    rows = pd.read_csv(ROOT / f"plots/differences/{dataset}.csv", dtype=str, keep_default_na=False)
    declared = {(spec.stage, spec.name): spec for spec in MEASURES}
    judged = 0
    for _, row in rows.iterrows():
        spec = declared.get((row["stage"], row["measure"]))
        if spec is None or (row["class"] and spec.key):
            continue  # metrics of variants are over all classes only
        for side, column in (("setting", "value"), ("baseline", "baseline_value")):
            value = float(row[column] or "nan")
            if not row["class"] and row["classes"] != "":
                over = classes_of(spec, dataset, row[side])
                if int(row["classes"]) < max(over):
                    assert spec.mean == "defined" or spec.name == "precision"
                    continue
                assert {int(row["classes"])} == set(over)
            expected = of_setting(spec, dataset, row[side], row["class"])
            assert value == same(expected), (spec.name, row[side])
            judged += 1
    assert judged > 20


@pytest.mark.parametrize(("dataset", "setting"), SETTINGS)
def test_trainings_their_mean_and_the_papers_table_repeat_the_metrics(dataset, setting):
    seeds = pd.read_csv(ROOT / f"plots/differences/{dataset}-seeds.csv")
    declared = {(spec.stage, spec.name): spec for spec in MEASURES}
    runs = settings(PARAMS, dataset)[setting]
    own = seeds[seeds["setting"] == setting]
    assert set(own["run"]) == set(runs)
    for _, row in own.iterrows():
        spec = declared.get((row["stage"], row["measure"]))
        if spec is not None:
            assert row["value"] == same(of_run(spec, row["run"])), spec.name
    means = json.loads((ROOT / f"metrics/differences/{dataset}.json").read_text()).get("seeds", {})
    assert (setting in means) == (len(runs) > 1)
    for stage, of_stage in means.get(setting, {}).items():
        for measure, found in of_stage.items():
            spec = declared.get((stage, measure))
            if spec is not None:
                assert at(found, ("mean",)) == same(of_setting(spec, dataset, setting)), measure
    rows = pd.read_csv(ROOT / f"plots/differences/{dataset}-paper_b_table_2.csv")
    papers = rows.set_index("Setting").loc[setting]
    for spec in (spec for spec in MEASURES if spec.name in KLDS):
        over = classes_of(spec, dataset, setting)
        assert papers["Classes"] <= min(over)
        if {papers["Classes"]} == set(over):
            assert papers[KLDS[spec.name]] == same(of_setting(spec, dataset, setting))


@pytest.mark.parametrize("run", PARAMS.runs)
def test_the_table_of_classes_repeats_the_metrics(run):
    classes = pd.read_csv(ROOT / f"plots/performance/{run}.csv", dtype=str, keep_default_na=False)
    for _, row in classes.iterrows():
        for column in set(classes) & set(PERFORMANCE):
            value = float(row[column] or "nan")
            assert value == same(of_run(PERFORMANCE[column], run, row["class"])), column


@pytest.mark.parametrize(("dataset", "setting"), SETTINGS)
def test_the_summary_repeats_the_metrics(dataset, setting):
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))[setting]
    runs = settings(PARAMS, dataset)[setting]
    own = [spec for spec in HEADLINES if any(has(spec, run) for run in runs)]
    assert list(summary) == sorted(spec.name for spec in own)
    for spec in own:
        found = summary[spec.name]
        assert at(found, ("value",)) == same(of_setting(spec, dataset, setting)), spec.name
        if "diff" in found:
            baseline = baselines_of(PARAMS, dataset)[setting]
            difference = of_setting(spec, dataset, setting) - of_setting(spec, dataset, baseline)
            assert at(found, ("diff",)) == pytest.approx(difference, abs=1e-12)
    assert len(own) >= 4


def has(spec, run):
    """Whether a run's metrics have a measure over all classes."""
    metrics = metrics_of(spec.stage, run)
    for key in spec.path:
        metrics = metrics.get(key) if isinstance(metrics, dict) else None
    return isinstance(metrics, int | float)


def test_focus_repeats_the_summary_of_its_setting():
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))
    focus = json.loads((ROOT / "metrics/focus.json").read_text(encoding="utf-8"))
    assert focus.pop("setting") == PARAMS.focus
    assert focus == {name: found["value"] for name, found in summary[PARAMS.focus].items()}


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_the_table_of_the_summary_repeats_that_of_differences(dataset):
    table = pd.read_csv(ROOT / "plots/summary.csv", keep_default_na=False, dtype=str)
    rows = pd.read_csv(ROOT / f"plots/differences/{dataset}.csv", keep_default_na=False, dtype=str)
    keys, shared = ["setting", "stage", "measure"], ["low", "high", "p_adjusted", "over"]
    wanted = rows[rows["class"] == ""].set_index(keys)[shared]
    compared = table[(table["dataset"] == dataset) & (table["baseline"] != "")].set_index(keys)
    pd.testing.assert_frame_equal(compared[shared], wanted.loc[compared.index])
    for _, row in compared.iterrows():
        low, high = (float(row[end]) for end in ("low", "high"))
        assert row["verdict"] == ("rose" if low > 0 else "fell" if high < 0 else "undecided")
