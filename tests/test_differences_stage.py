"""The stage that compares measures of runs, on small generated dumps."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from stages import adversaries, differences
from tests.dump_cases import (
    BASE,
    BETTER,
    DATASET,
    LABELS,
    NULL,
    RUNS,
    SEED1,
    SIZES,
    TASKS,
    change_images,
    copy_to,
    draw_members,
    experiment,
    write_all,
    written,
)
from tests.tiny import write_params

KEYS = ["setting", "stage", "measure", "class"]
TABLES = ("data/instances/cam_alignment", "data/instances/concepts", "plots/adversaries")
OUTPUTS = ("plots/differences", "plots/figures/differences", "metrics/differences")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {task: tmp_path_factory.mktemp(task) for task in TASKS}
    for task, folder in found.items():
        write_all(folder, task)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr("imbalens.reports.adversaries.save", lambda *_: None)
            for run in (*RUNS, SEED1):
                adversaries.main([run])
    return found


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def workspace(folders, task, tmp_path, monkeypatch):
    return copy_to(folders[task], tmp_path, monkeypatch)


@pytest.fixture
def quick(monkeypatch):
    for module in ("differences.differences", "adversaries"):
        monkeypatch.setattr(f"imbalens.reports.{module}.save", lambda *_: None)


def setting(run):
    """The setting of a run whose method has its name."""
    return f"{DATASET}/{run}"


def compare():
    """The table of differences by method, measure and class."""
    differences.main([DATASET])
    table = pd.read_csv(f"plots/differences/{DATASET}.csv", keep_default_na=False)
    for column in ("setting", "baseline"):
        assert table[column].str.startswith(setting("")).all()
        table[column] = table[column].str.removeprefix(setting(""))
    numbers = [column for column in table if column not in (*KEYS, "baseline", "over")]
    for column in numbers:
        table[column] = pd.to_numeric(table[column])
    return table.set_index(KEYS)


@pytest.mark.usefixtures("quick")
def test_what_was_planted_is_found_and_nothing_else(workspace, task):
    write_params(workspace, experiment(task))  # of a baseline that was trained once
    table = compare()
    first = LABELS[0]
    planted = [
        ("performance", "recall", first),
        ("cam_alignment", "iobb", ""),
        *(("cam_alignment", "iobb", label) for label in LABELS),
        ("concepts", "disjoint", ""),
    ]
    if task == "multilabel":
        planted[0] = ("performance", "auroc", first)
        planted.append(("performance", "probability_positives", first))
    for key in planted:
        row = table.loc[(BETTER, *key)]
        assert row["p_adjusted"] < 0.05, key
        assert row["low"] > 0, key
    assert set(table.index.get_level_values("setting")) == {BETTER, NULL}
    assert set(table["baseline"]) == {BASE}
    null = table.loc[NULL]
    assert not (null["p_adjusted"] < 0.05).any()
    assert (null["difference"] != 0).any()
    same = null.loc[[("concepts", "disjoint", ""), ("concepts", "unique", "")]]
    assert (same["difference"] == 0).all()
    assert same[["low", "high", "p"]].isna().all(axis=None), "nothing varies"
    undefined = ("cam_alignment", "ior", first)
    assert table.loc[(BETTER, *undefined), "images"] == 0
    assert np.isnan(table.loc[(BETTER, *undefined), "difference"])
    assert ("cam_alignment", "ior", LABELS[1]) in null.index, "other classes stay"
    defined = table["p"].notna()
    assert (table["p_adjusted"] >= table["p"])[defined].all()


@pytest.mark.usefixtures("workspace", "quick")
def test_values_are_means_over_repeats(task):
    table, params = compare(), experiment(task)
    assert (table["seeds"] == 1).all(), "the runs themselves were trained once"
    by_seed = []
    for run in (BASE, SEED1):
        path = Path(f"data/dumps/features/{run}.h5")
        decision = params["analyses"]["labels"]["decision"]
        seen = read_features(path, ["test"], decision=decision).splits["test"]
        if task == "multiclass":
            by_seed.append((seen.predictions == seen.targets).mean())
            continue
        hits = seen.predictions[:, : len(LABELS)] & (seen.targets > 0)
        by_seed.append((hits.sum(0) / seen.targets.sum(0)).mean())
    measure = "accuracy" if task == "multiclass" else "recall"
    row = table.loc[(BETTER, "performance", measure, "")]
    assert by_seed[0] != by_seed[1]
    assert row["baseline_value"] == pytest.approx(np.mean(by_seed))
    iobb = [
        pd.read_csv(f"data/instances/cam_alignment/{run}.csv")["iobb"].mean()
        for run in (BASE, SEED1)
    ]
    row = table.loc[(NULL, "cam_alignment", "iobb", "")]
    assert row["baseline_value"] == pytest.approx(np.mean(iobb))


@pytest.mark.usefixtures("quick")
def test_repeats_of_a_run_are_one_row_with_their_spread(workspace, task):
    both = [f"{name}-seed1" for name in (BASE, BETTER)]
    values = experiment(task, (BASE, BETTER), repeated=(BASE, BETTER), maps=(*RUNS, *both))
    write_params(workspace, values)
    for kind in ("data/dumps/features/{}.h5", *(f"{place}/{{}}.csv" for place in TABLES)):
        shutil.copy(*(kind.format(name) for name in (BETTER, both[1])))
    table = compare()
    assert set(table.index.get_level_values("setting")) == {BETTER}
    assert (table["seeds"] == 2).all()
    assert set(table["over"]) == {"images and seeds"}
    spread = table["spread"].dropna()
    assert len(spread)
    assert spread.to_numpy() == pytest.approx(0), "its repeats are copies"


@pytest.mark.usefixtures("quick")
def test_a_run_that_learned_the_same_does_not_differ(workspace, task):
    write_params(workspace, experiment(task, (BASE, BETTER)))
    for kind in ("data/dumps/features/{}.h5", *(f"{place}/{{}}.csv" for place in TABLES)):
        shutil.copy(*(kind.format(name) for name in (BASE, BETTER)))
    table = compare()
    defined = table[table["p"].notna()]
    assert len(defined) >= 10
    assert (defined["difference"] == 0).all()
    assert (defined["low"] < 0).all(), "a few images more might tell them apart"
    assert (defined["high"] > 0).all()
    assert (defined[["p", "p_adjusted"]] == 1).all(axis=None)


@pytest.mark.usefixtures("quick")
def test_maps_are_compared_where_both_sides_have_them(workspace, task):
    write_params(workspace, experiment(task, maps=(BASE, NULL)))
    for stage in ("cam_alignment", "concepts"):
        Path(f"data/instances/{stage}/{BETTER}.csv").unlink()
    table = compare()
    of_stages = table.reset_index().groupby("setting")["stage"].unique()
    assert list(of_stages[BETTER]) == ["performance", "adversaries"]
    assert list(of_stages[NULL]) == ["performance", "adversaries", "cam_alignment", "concepts"]
    lines = Path(f"plots/differences/{DATASET}.md").read_text().splitlines()
    losses = {run: method["loss"]["name"] for run, method in experiment(task)["methods"].items()}
    assert any(line.startswith(f"| {losses[NULL]} | ") for line in lines)
    assert not any(line.startswith(f"| {losses[BETTER]} | ") for line in lines)
    write_params(workspace, experiment(task, maps=()))
    assert set(compare().reset_index()["stage"]) == {"performance", "adversaries"}
    text = Path(f"plots/differences/{DATASET}.md").read_text()
    assert text.count("Empty: no baseline and other setting both have maps") == 2
    for number in (1, 2):
        table = pd.read_csv(f"plots/differences/{DATASET}-paper_a_table_{number}.csv")
        assert table.empty
        assert len(table.columns) == 1 + 2 * 3
    assert "## How to read the differences" in text


@pytest.mark.usefixtures("workspace", "quick")
def test_metrics_and_the_papers_tables_repeat_the_table():
    table = compare()
    found = json.loads(Path(f"metrics/differences/{DATASET}.json").read_text())
    for (name, stage, measure, label), row in table.iterrows():
        if label == "":
            one = found[setting(name)][stage][measure]
            assert one["difference"] == pytest.approx(row["difference"], nan_ok=True)
            assert one["images"] == row["images"]
    value = table.loc[(BETTER, "cam_alignment", "iobb", ""), "value"]
    text = Path(f"plots/differences/{DATASET}.md").read_text()
    assert text.startswith(f"# {DATASET}: what the loss changed\n\n## Paper A, Table 1")
    assert f" | {value:.3f} (+" in text
    tables = json.loads(Path(f"plots/differences/{DATASET}-tables.json").read_text())
    assert list(tables) == [f"paper_{x}_table_{i}" for x in "ab" for i in (1, 2)]
    for name, one in tables.items():
        csv = pd.read_csv(f"plots/differences/{DATASET}-{name}.csv", dtype=str)
        assert [row["keys"] for row in one["rows"]] == csv[one["keys"]].to_numpy().tolist()


@pytest.mark.usefixtures("quick")
def test_divergences_are_those_of_the_stage_adversaries(workspace, task):
    write_params(workspace, experiment(task))  # of runs that were trained once
    table = compare()
    rows = pd.read_csv(f"plots/differences/{DATASET}-paper_b_table_2.csv").set_index("Setting")
    assert rows.index.tolist() == [setting(run) for run in RUNS]
    for run in RUNS:
        metrics = json.loads(Path(f"metrics/adversaries/{run}.json").read_text())
        own = rows.loc[setting(run)]
        assert own["Classes"] == metrics["classes"]
        expected = {
            "kld": metrics["kld"],
            "kld_fdr": metrics["baseline_kld"]["FDR"],
            "kld_random": metrics["baseline_kld"]["random"],
        }
        for measure, heading in (("kld", "NNB"), ("kld_fdr", "FDR"), ("kld_random", "Rand.")):
            assert own[f"{heading} KLD"] == pytest.approx(expected[measure], rel=1e-12)
            assert own[f"{heading} KLD low"] < expected[measure]
            assert own[f"{heading} KLD high"] > expected[measure]
            if run != BASE:
                row = table.loc[(run, "adversaries", measure, "")]
                assert row["value"] == pytest.approx(expected[measure], rel=1e-12)
                assert np.isnan(row["low"]), "fewer errors make a divergence larger"
                row = table.loc[(run, "adversaries", measure.replace("kld", "log_loss"), "")]
                assert row["low"] < row["difference"] < row["high"]
        factor = own["NNB:Rand. factor"]
        assert factor == pytest.approx(expected["kld_random"] / expected["kld"])


@pytest.mark.usefixtures("workspace", "quick")
def test_the_setup_is_that_of_the_prepared_images(task):
    compare()
    (row,) = pd.read_csv(f"plots/differences/{DATASET}-paper_b_table_1.csv").to_dict("records")
    assert row == {
        "Dataset": DATASET,
        "Classes": 3,
        "Train": 60,
        "Test": 90,
        "Input dim (pixels)": 64,
        "FE dim": 12,
        "Imbal. type": "Exp" if task == "multiclass" else "Natural",
        "Max imbal. level": "1:1" if task == "multiclass" else row["Max imbal. level"],
        "Epochs": 2,
        "Arch.": "resnet8",
    }


@pytest.mark.usefixtures("quick")
def test_adversaries_may_be_judged_on_another_split(workspace, task):
    values = experiment(task)
    values["analyses"]["adversaries"]["split"] = "train"
    write_params(workspace, values)
    for run in RUNS:
        adversaries.main([run])
    table = compare()
    metrics = json.loads(Path(f"metrics/adversaries/{BETTER}.json").read_text())
    assert table.loc[(BETTER, "adversaries", "kld", ""), "value"] == pytest.approx(metrics["kld"])


@pytest.mark.usefixtures("quick")
def test_a_single_run_has_empty_results(workspace, task):
    write_params(workspace, experiment(task, (BASE,), repeated=(BASE,)))
    assert compare().empty
    assert Path(f"plots/differences/{DATASET}.md").read_text().count("Empty: no baseline") == 2
    seeds = pd.read_csv(f"plots/differences/{DATASET}-seeds.csv")
    assert set(seeds["setting"]) == {setting(BASE)}
    assert seeds.groupby("run")["seed"].unique().map(list).to_dict() == {
        BASE: [0],
        SEED1: [1],
    }
    found = json.loads(Path(f"metrics/differences/{DATASET}.json").read_text())
    assert list(found) == ["seeds"]
    measure = "accuracy" if task == "multiclass" else "auroc"
    figures = found["seeds"][setting(BASE)]["performance"][measure]
    by_seed = seeds[(seeds["measure"] == measure) & (seeds["stage"] == "performance")]["value"]
    assert figures["mean"] == pytest.approx(by_seed.mean())
    assert figures["spread"] == pytest.approx(by_seed.std())
    assert figures["spread"] > 0
    write_params(workspace, experiment(task, (BASE,)))
    assert compare().empty
    assert json.loads(Path(f"metrics/differences/{DATASET}.json").read_text()) == {}
    assert len(pd.read_csv(f"plots/differences/{DATASET}-paper_b_table_2.csv")) == 1


@pytest.mark.parametrize("task", ["multilabel"], indirect=True)
@pytest.mark.usefixtures("quick")
def test_images_are_drawn_with_their_patient_and_rare_labels_are_in_no_mean(workspace):
    values = experiment("multilabel")
    values["analyses"]["compare"]["min_images"] = 30
    write_params(workspace, values)
    alone = compare()
    assert set(alone["over"]) == {"images, these trainings"}
    with h5py.File(f"data/prepared/{DATASET}.h5", "r+") as file:
        file["test/patients"] = np.arange(SIZES["test"]) // 3
    found = compare()
    assert set(found["over"]) == {"patients, these trainings"}
    key = (NULL, "performance", "probability", "")
    assert found.loc[key, "difference"] == alone.loc[key, "difference"]
    assert found.loc[key, "low"] != alone.loc[key, "low"]
    counts = draw_members("multilabel")["test"].sum(axis=0)
    enough = counts >= 30
    assert 0 < enough.sum() < len(LABELS)
    assert found.loc[key, "classes"] == enough.sum()
    kept = [(NULL, "performance", "probability", label) for label in np.array(LABELS)[enough]]
    assert found.loc[key, "value"] == pytest.approx(found.loc[kept, "value"].mean())
    text = Path(f"plots/differences/{DATASET}.md").read_text()
    left = [f"{label} ({n})" for label, n in zip(LABELS, counts, strict=True) if n < 30]
    assert f"(left out: {', '.join(left)})" in text


@pytest.mark.usefixtures("workspace")
def test_the_same_dumps_give_the_same_files():
    found = []
    for _ in range(2):
        differences.main([DATASET])
        found.append(written(*OUTPUTS))
    assert [Path(path).name for path in found[0]] == [
        f"{DATASET}.json",
        *(f"{DATASET}-paper_{x}_table_{i}.csv" for x in "ab" for i in (1, 2)),
        f"{DATASET}-seeds.csv",
        f"{DATASET}-tables.json",
        f"{DATASET}.csv",
        f"{DATASET}.md",
        f"{DATASET}.png",
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.parametrize(
    ("missing", "command"),
    [
        (f"data/dumps/features/{NULL}.h5", f"dump_features@{NULL}"),
        (f"data/dumps/features/{SEED1}.h5", f"dump_features@{SEED1}"),
        (f"data/instances/cam_alignment/{BETTER}.csv", f"cam_alignment@{BETTER}"),
        (f"data/instances/concepts/{BASE}.csv", f"concepts@{BASE}"),
        (f"plots/adversaries/{NULL}.csv", f"adversaries@{NULL}"),
        (f"data/prepared/{DATASET}.h5", f"prepare@{DATASET}"),
    ],
)
@pytest.mark.usefixtures("workspace", "quick")
def test_what_is_missing_says_what_to_run(missing, command):
    Path(missing).unlink()
    with pytest.raises(InputError) as caught:
        differences.main([DATASET])
    assert str(caught.value) == f"{missing} is missing; run: dvc repro {command}"
    assert not any(Path(folder).exists() for folder in OUTPUTS)


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.parametrize("run", [NULL, SEED1])
@pytest.mark.parametrize("n", [None, 50])
@pytest.mark.usefixtures("workspace", "quick")
def test_features_of_other_images_are_refused(run, n):
    change_images(run, n=n)
    with pytest.raises(InputError) as caught:
        differences.main([DATASET])
    assert str(caught.value) == (
        f"data/dumps/features/{run}.h5: the images of test are not those of {BASE}; "
        f"run: dvc repro dump_features@{BASE} dump_features@{run}"
    )
    assert not any(Path(folder).exists() for folder in OUTPUTS)


def test_an_unknown_dataset_lists_those_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, experiment("multiclass"))
    with pytest.raises(InputError, match=f"datasets: found 'other'; allowed: {DATASET}"):
        differences.main(["other"])
