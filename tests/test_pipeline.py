"""One tiny DAG end to end, and what reruns when something changes."""

import csv
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from imbalens.validation.values import COMPARED as COMPARED_FILES
from imbalens.validation.values import find_differences, parse
from tests.code_edits import LDAM, add_loss, add_network, change_text
from tests.tiny import (
    LABEL_RUNS,
    ROOT,
    RUNS,
    TinyProject,
    find_stages_run,
    method_of,
    read_values,
    setting_name,
    tiny_params,
    write_params,
)

pytestmark = pytest.mark.slow

LABEL_RUN = LABEL_RUNS[1]
OTHER = setting_name(read_values(ROOT), RUNS[1])
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
COMMON, OF_MAPS, OF_SALIENCY = (
    [name for name, stage in STAGES.items() if stage.get("foreach") == items]
    for items in ("${runs}", "${dumps.maps.runs}", "${dumps.saliency.runs}")
)
COMMON.remove("trained_code")  # it reruns where nothing after it does
CHAIN = (*COMMON, *OF_MAPS, *OF_SALIENCY)
JUDGED = ("performance", "archetypes", "adversaries", "feature_overlap", "saliency_colours")
CODE = ("src/", "stages/")
OF_DATASETS = ("compare", "differences", "changes", "claims", "explore")
DATASETS = ("planted", "phantom")
COMPARED = {f"{stage}@{name}" for stage in OF_DATASETS for name in DATASETS}
GATHERED = {f"gather@{name}" for name in DATASETS}
DIGESTED = {f"trained_code@{run}" for run in (*RUNS, LABEL_RUN)}
TRAINED = [f"train@{run}" for run in (*RUNS, LABEL_RUN)]


@pytest.fixture(scope="module")
def project(tmp_path_factory, dvc_cache):
    values = tiny_params((*RUNS, LABEL_RUN))
    project = TinyProject(tmp_path_factory.mktemp("tiny"), values, cache=dvc_cache)
    assert project.repro_here() == {
        "check",
        "prepare@planted",
        "prepare@phantom",
        *(f"{stage}@{run}" for stage in CHAIN for run in RUNS),
        *(f"{stage}@{LABEL_RUN}" for stage in (*COMMON, *OF_MAPS)),
        "false_positives@planted",
        *DIGESTED,
        *GATHERED,
        *COMPARED,
        "summary",
        "report",
        "focus",
    }
    project.commit("results")
    return project


@pytest.fixture
def unchanged(project):
    """The project as committed, and made so again where the test changed it."""
    yield project
    if project.git("status", "--porcelain"):  # outputs of DVC change with dvc.lock
        project.git("checkout", "--quiet", "--force", "main")
        project.git("clean", "--quiet", "--force", "src")
        project.run("dvc", "checkout", "--quiet", "--force")


def read_json(project, path):
    return json.loads((project.folder / path).read_text())


def test_every_declared_output_is_there_and_git_holds_the_right_ones(unchanged):
    tracked = set(unchanged.git("ls-files").split("\n"))
    lock = yaml.safe_load((unchanged.folder / "dvc.lock").read_text())["stages"]
    outputs = [out["path"] for stage in lock.values() for out in stage["outs"]]
    assert len(outputs) == len(set(outputs)) > 40
    for path in outputs:
        assert (unchanged.folder / path).stat().st_size > 0
        in_git = path.endswith((".json", ".csv", ".md")) and not path.startswith("data/")
        assert (path in tracked) == in_git, path
    assert unchanged.git("status", "--porcelain") == ""


def test_metrics_have_no_nan_and_sorted_keys(unchanged):
    for path in (unchanged.folder / "metrics").rglob("*.json"):
        text = path.read_text()
        assert "NaN" not in text
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("run", RUNS)
def test_planted_truth_is_reported_by_every_analysis(unchanged, run):
    for stage in JUDGED:
        assert read_json(unchanged, f"metrics/{stage}/{run}.json")["recovery"], stage


@pytest.mark.parametrize("run", RUNS)
def test_tables_agree_with_each_other(unchanged, run):
    plots = unchanged.folder / "plots"
    counts = read_json(unchanged, "metrics/prepare/planted.json")["counts"]["train"]
    archetypes = pd.read_csv(plots / f"archetypes/{run}.csv")
    assert archetypes.groupby("class")["count"].sum().to_dict() == counts
    instances = pd.read_csv(unchanged.folder / f"data/instances/archetypes/{run}.csv")
    assert instances["label"].value_counts().to_dict() == counts
    confusion = pd.read_csv(plots / f"performance/{run}-confusion.csv")
    correct = confusion[confusion["actual"] == confusion["predicted"]]["count"].sum()
    accuracy = read_json(unchanged, f"metrics/performance/{run}.json")["accuracy"]
    assert accuracy == pytest.approx(correct / confusion["count"].sum())
    colours = pd.read_csv(plots / f"saliency_colours/{run}.csv")
    salient = colours[colours["archetype"] == "all"].groupby("class")["pixels"].sum()
    assert salient.to_dict() == {name: 102 * count for name, count in counts.items()}


def test_nothing_to_do_runs_nothing(unchanged):
    assert unchanged.repro() == set()


def test_a_loss_parameter_reruns_its_run_what_compares_it_and_nothing_else(unchanged):
    unchanged.change(lambda values: method_of(values, RUNS[1])["loss"].update(max_margin=0.4))
    assert unchanged.repro() == {
        "check",  # of all parameters, and writes the same: nothing reruns because of it
        f"trained_code@{RUNS[1]}",
        *(f"{stage}@{RUNS[1]}" for stage in CHAIN),
        "false_positives@planted",  # draws this run beside the other
        *GATHERED,  # where comparisons of the other dataset stop
        *(f"{stage}@planted" for stage in OF_DATASETS),
        "summary",
        "report",
        "focus",
    }


def test_an_analysis_parameter_retrains_nothing(unchanged):
    unchanged.change(lambda values: values["analyses"]["archetypes"].update(n_neighbors=6))
    runs = (*RUNS, LABEL_RUN)
    upstream = [f"{stage}@{run}" for stage in ("train", "dump_features") for run in runs]
    archetypes = {f"archetypes@{run}" for run in runs}
    assert unchanged.repro_here(*upstream, *archetypes) == {"check", *archetypes}


def test_another_loss_and_another_network_train_nothing(unchanged):
    add_loss(unchanged.folder)
    add_network(unchanged.folder)
    assert unchanged.repro(*TRAINED) == {"check", *DIGESTED}
    change_text(unchanged.folder / LDAM, "scale * (cosines -", "scale * (1.0 * cosines -")
    assert unchanged.repro(*TRAINED) == {*DIGESTED, f"train@{RUNS[1]}"}


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("stage", OF_DATASETS)
def test_a_comparison_reads_nothing_that_is_not_gathered(
    unchanged, stage, dataset, tmp_path, monkeypatch
):
    """It writes the same where there is nothing else, neither files nor parameters."""
    gathered = read_json(unchanged, f"data/gathered/{stage}/{dataset}.json")
    body = yaml.safe_load((unchanged.folder / "dvc.yaml").read_text())["stages"][stage]["do"]
    read = [dep.replace("${key}", dataset) for dep in body["deps"] if not dep.startswith(CODE)]
    for path in (*read, *gathered["files"]):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(unchanged.folder / path, tmp_path / path)
    write_params(tmp_path, only(dataset, read_values(unchanged.folder)))
    monkeypatch.chdir(tmp_path)
    importlib.import_module(f"stages.{stage}").main([dataset])
    lock = yaml.safe_load((unchanged.folder / "dvc.lock").read_text())["stages"]
    paths = [out["path"] for out in lock[f"{stage}@{dataset}"]["outs"]]
    assert {path for path in paths if not Path(path).exists()} == set()
    results = [path for path in paths if path.endswith(COMPARED_FILES)]
    assert len(results) >= 2
    kept, now = (read_only(folder, results) for folder in (unchanged.folder, tmp_path))
    # another number of threads than in a process of its own
    assert find_differences(kept, now, relative=1e-9, absolute=1e-9) == []


def read_only(folder, paths):
    return {
        f"{path}:{key}": value
        for path in paths
        for key, value in parse((folder / path).read_text(encoding="utf-8"), Path(path).suffix)
    }


def only(dataset, values):
    """The parameters as if there were no other dataset."""
    runs = {name: run for name, run in values["runs"].items() if run["dataset"] == dataset}
    dumps = values["dumps"]
    for kind in ("saliency", "maps"):
        dumps[kind]["runs"] = [run for run in dumps[kind]["runs"] if run in runs]
    return values | {
        "datasets": {dataset: values["datasets"][dataset]},
        "runs": runs,
        "methods": {run["method"]: values["methods"][run["method"]] for run in runs.values()},
        "recipes": {run["recipe"]: values["recipes"][run["recipe"]] for run in runs.values()},
        "false_positives": {},
        "focus": setting_name(values, next(iter(runs))),
    }


@pytest.mark.parametrize("run", [*RUNS, LABEL_RUN])
def test_boxes_and_maps_belong_together(unchanged, run):
    dataset = run.split("-")[0]
    alignment = read_json(unchanged, f"metrics/cam_alignment/{run}.json")
    concepts = read_json(unchanged, f"metrics/concepts/{run}.json")
    assert alignment["images"] == concepts["images"] == (60 if dataset == "planted" else 8)
    assert alignment["pairs"] == concepts["pairs"] >= alignment["images"]
    assert sum(each["pairs"] for each in alignment["class"].values()) == alignment["pairs"]
    compared = pd.read_csv(unchanged.folder / f"plots/compare/{dataset}.csv").set_index("setting")
    setting = run.replace("-", "/", 1)
    assert compared.loc[setting, "iobb"] == pytest.approx(alignment["iobb"])
    assert compared.loc[setting, "unique"] == pytest.approx(concepts["unique"])


def test_focus_on_a_label_run_leaves_out_what_it_does_not_have(unchanged):
    unchanged.change(lambda values: values.update(focus=setting_name(values, LABEL_RUN)))
    assert unchanged.repro() == {"check", "focus"}
    focus = read_json(unchanged, "metrics/focus.json")
    setting = focus.pop("setting")
    assert setting.startswith("phantom/")
    assert set(focus) == {"auroc", "ap", "probability_positives", "iobb", "pointing"}
    assert focus["auroc"] is not None


def test_switching_focus_shows_numbers_in_metrics_diff(unchanged):
    said = unchanged.run("dvc", "exp", "run", "--set-param", f"focus={OTHER}").stdout
    assert find_stages_run(said) == {"check", "focus"}
    diff = json.loads(unchanged.run("dvc", "metrics", "diff", "--json").stdout)
    assert set(diff) == {"metrics/focus.json"}
    moved = diff["metrics/focus.json"]
    ce, ldam = (
        read_json(unchanged, f"metrics/performance/{run}.json")["balanced_accuracy"]
        for run in RUNS
    )
    assert moved["balanced_accuracy"]["old"] == pytest.approx(ce)
    assert moved["balanced_accuracy"]["new"] == pytest.approx(ldam)
    assert moved["balanced_accuracy"]["diff"] == pytest.approx(ldam - ce)
    lines = unchanged.run("dvc", "metrics", "diff").stdout.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    said = unchanged.run(sys.executable, "-m", "imbalens", "experiments", "--csv").stdout
    columns = next(csv.reader(said.splitlines()))
    assert {"Experiment", "focus", "balanced_accuracy"} <= set(columns)
    assert len(columns) <= 60
    assert not any("/" in column for column in columns), "neither files nor the summary"
    unchanged.run("dvc", "plots", "diff", "--out", "dvc_plots")
    page = (unchanged.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    for path in ("plots/focus/headlines.csv", "plots/focus/classes.csv"):
        assert path in page
    settings = (setting_name(read_values(unchanged.folder), run) for run in RUNS)
    assert all(f'"{setting}"' in page for setting in settings)


def test_plots_render_offline(unchanged):
    unchanged.run("dvc", "plots", "show", "--out", "dvc_plots")
    page = (unchanged.folder / "dvc_plots" / "index.html").read_text()
    for run in RUNS:
        assert f"plots/performance/{run}.csv" in page
    assert "cdn.jsdelivr" not in page


def test_the_shipped_results_belong_to_the_shipped_code_and_parameters():
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Data and pipelines are up to date" in result.stdout
