"""The stage that compares what runs learned, on small generated dumps."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from imbalens.classes import class_names
from imbalens.errors import InputError
from stages import adversaries, archetypes, changes
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
    TOP_K,
    change_images,
    copy_to,
    draw_members,
    experiment,
    write_all,
    written,
)
from tests.tiny import write_params

OUTPUTS = ("plots/changes", "plots/figures/changes")
MEASURES = (
    "cka_debiased",
    "archetypes_moved",
    "archetypes_safer",
    "top_features",
    "top_features_matched",
    "adversaries",
    "errors",
)
UNCHANGED = {"cka_debiased": 1, "top_features": TOP_K, "top_features_matched": TOP_K}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Dumps, and the archetypes and adversaries that the stages before found in them."""
    found = {task: tmp_path_factory.mktemp(task) for task in TASKS}
    for task, folder in found.items():
        write_all(folder, task)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for stage in ("archetypes", "adversaries"):
                patch.setattr(f"imbalens.reports.{stage}.save", lambda *_: None)
            for run in (*RUNS, SEED1):
                archetypes.main([run])
                adversaries.main([run])
    return found


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def workspace(folders, task, tmp_path, monkeypatch):
    folder = copy_to(folders[task], tmp_path, monkeypatch)
    write_params(folder, experiment(task))
    return folder


@pytest.fixture
def quick(monkeypatch):
    for module in ("changes.figures", "changes.similarity"):
        monkeypatch.setattr(f"imbalens.reports.{module}.save", lambda *_: None)


def read(part=""):
    return pd.read_csv(f"plots/changes/{DATASET}{part}.csv", keep_default_na=False)


def find_changes():
    """Values by run, measure and class."""
    changes.main([DATASET])
    table = read().set_index(["run", "measure", "class"])
    return pd.to_numeric(table["value"])


def measures_of(task):
    return (*MEASURES, *(["colours"] if task == "multiclass" else []))


def classes_of(task):
    return class_names(LABELS, task=task)


@pytest.mark.usefixtures("workspace", "quick")
def test_what_was_planted_is_found_and_nothing_else(task):
    values = find_changes()
    assert set(values.index.get_level_values("run")) == {BETTER, NULL}
    for measure in measures_of(task):
        of_null = values[NULL][measure].dropna()
        assert set(values[NULL][measure].index) == {"", *classes_of(task)}
        if measure != "errors":  # a few scores of evaluation images differ
            assert of_null.to_numpy() == pytest.approx(UNCHANGED.get(measure, 0), abs=1e-5)
    first = LABELS[0]
    planted = values[BETTER]
    assert planted["cka_debiased", ""] < 0.9
    assert planted["archetypes_moved", first] > 0.3
    assert planted["archetypes_safer", first] > 0.3
    assert planted["top_features", first] < TOP_K
    assert 0 < values[NULL]["errors", ""] < 0.3
    if task == "multiclass":
        assert planted["colours", first] > 0.1
        assert planted["colours", LABELS[1]] == 0
        assert planted["colours", ""] == pytest.approx(planted["colours", first] / 3)


@pytest.mark.usefixtures("workspace", "quick")
def test_archetypes_flow_as_counted_by_hand(task):
    changes.main([DATASET])
    before, after = (
        pd.read_csv(f"data/instances/archetypes/{run}.csv", keep_default_na=False)
        for run in (BASE, BETTER)
    )
    flow = read("-flow").set_index(["run", "class", "baseline", "other"])["count"]
    assert len(flow) == 2 * 16 * (1 + len(classes_of(task)))
    assert flow[BETTER][""].sum() == len(before)
    for label in classes_of(task):
        own = before["label"] == label
        expected = pd.crosstab(before["archetype"][own], after["archetype"][own]).stack()
        found = flow[BETTER][label]
        assert {key: n for key, n in found.items() if n} == {
            key: n for key, n in expected.items() if n
        }
    still = flow[NULL][""].reset_index()
    assert (still["baseline"] == still["other"])[still["count"] > 0].all()


@pytest.mark.usefixtures("workspace", "quick")
def test_similarity_and_adversaries_cover_all_runs(task):
    changes.main([DATASET])
    similarity = read("-similarity").set_index(["run", "other"])["cka_debiased"]
    assert list(similarity.index) == [(one, two) for one in RUNS for two in RUNS]
    assert similarity[BASE, NULL] == pytest.approx(1)
    assert similarity[BASE, BETTER] == pytest.approx(similarity[BETTER, BASE])
    shown = read("-adversaries").set_index(["run", "class"])
    assert set(shown.index) == {(run, c) for run in (BETTER, NULL) for c in classes_of(task)}
    null = shown.loc[NULL]
    assert null["adversary"].tolist() == null["adversary_baseline"].tolist()
    assert (shown.loc[BETTER, "adversary_baseline"] == null["adversary_baseline"]).all()


@pytest.mark.usefixtures("workspace", "quick")
def test_predictions_of_both_sides_are_counted_image_by_image(task):
    changes.main([DATASET])
    found = read("-predictions")
    if task == "multilabel":
        assert found.empty
        return
    assert list(found.groupby("run")["count"].sum()) == [SIZES["test"]] * 2
    predicted = {}
    for run in (BASE, BETTER):
        with h5py.File(f"data/dumps/features/{run}.h5") as file:
            predicted[run] = file["test/logits"][:].argmax(axis=1)
            targets = file["test/targets"][:]
    for _, row in found[found["run"] == BETTER].iterrows():
        chosen = targets == LABELS.index(row["class"])
        chosen &= predicted[BASE] == LABELS.index(row["predicted_baseline"])
        chosen &= predicted[BETTER] == LABELS.index(row["predicted"])
        assert chosen.sum() == row["count"] > 0


@pytest.mark.usefixtures("workspace", "quick")
def test_what_is_activated_in_addition_is_measured_per_annotated_pair(task):
    changes.main([DATASET])
    found = read("-activation")
    has = draw_members(task)["test"][:20]
    for run in (BETTER, NULL):
        of_run = found[found["run"] == run]
        assert list(of_run["row"]) == list(np.nonzero(has)[0])
        assert list(of_run["class"]) == list(np.array(LABELS)[np.nonzero(has)[1]])
    assert (found["patient"] == found["row"]).all(), "patients are not known"
    assert (found[found["run"] == NULL]["total"] == 0).all(), "the same maps"
    better = found[found["run"] == BETTER]
    assert (better["inside"] >= 0.8 * better["total"]).all(), "in the corner, where the boxes are"
    assert better["inside"].sum() > 2 * better["elsewhere"].sum()


@pytest.mark.usefixtures("quick")
def test_every_training_is_held_against_every_one_of_the_baseline(workspace, task):
    write_params(workspace, experiment(task, repeated=(BASE,), maps=(*RUNS, SEED1)))
    changes.main([DATASET])
    pairs = {(run, base) for run in (BETTER, NULL) for base in (BASE, SEED1)}
    for part in ("-activation", *(["-predictions"] if task == "multiclass" else [])):
        assert set(map(tuple, read(part)[["run", "baseline"]].to_numpy())) == pairs
    write_params(workspace, experiment(task, repeated=(BASE,), maps=(BASE, BETTER)))
    changes.main([DATASET])
    assert set(map(tuple, read("-activation")[["run", "baseline"]].to_numpy())) == {(BETTER, BASE)}


@pytest.mark.usefixtures("workspace", "quick")
def test_maps_of_images_that_are_not_there_are_refused():
    with h5py.File(f"data/dumps/maps/{BETTER}.h5", "r+") as file:
        file["row"][:] = file["row"][:] + 10_000
    message = f"made.h5 has {SIZES['test']} images in 'test', but its runs' dumps tell of row 10"
    with pytest.raises(InputError, match=message):
        changes.main([DATASET])


@pytest.mark.usefixtures("workspace", "quick")
def test_maps_of_other_boxes_say_what_to_run():
    with h5py.File(f"data/dumps/maps/{NULL}.h5", "r+") as file:
        file["boxes"][0, 2] += 1
    with pytest.raises(InputError, match=f"other boxes than in the maps of {BETTER}; run: dvc"):
        changes.main([DATASET])


@pytest.mark.usefixtures("quick")
def test_instances_are_those_of_evaluation_or_training_images(workspace, task):
    changes.main([DATASET])
    table = read().set_index(["run", "measure", "class"])["instances"]
    members = draw_members(task)
    if task == "multilabel":
        members = {
            split: np.column_stack([has, ~has.any(axis=1)]) for split, has in members.items()
        }
    for measure, split in (("cka_debiased", "test"), ("archetypes_moved", "train")):
        found = table[BETTER][measure]
        assert [found[name] for name in classes_of(task)] == members[split].sum(axis=0).tolist()
        assert found[""] == members[split].sum()
    assert (workspace / "plots/changes").is_dir()


@pytest.mark.usefixtures("quick")
def test_a_repeat_is_compared_like_any_other_run(workspace, task):
    write_params(workspace, experiment(task, (BASE, NULL), repeated=(BASE,)))
    values = find_changes()
    assert set(values.index.get_level_values("run")) == {NULL, SEED1}
    assert list(read("-similarity")["run"].unique()) == [BASE, NULL, SEED1]


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.usefixtures("quick")
def test_colours_are_compared_where_both_sides_have_them(workspace, task):
    write_params(workspace, experiment(task, saliency=(BASE, NULL)))
    Path(f"plots/saliency_colours/{BETTER}.csv").unlink()
    values = find_changes()
    assert "colours" in values[NULL].index.get_level_values("measure")
    assert "colours" not in values[BETTER].index.get_level_values("measure")


@pytest.mark.usefixtures("quick")
def test_a_run_that_learned_the_same_did_not_change(workspace, task):
    write_params(workspace, experiment(task, (BASE, BETTER)))
    for path in (
        "data/dumps/features/{}.h5",
        "data/instances/archetypes/{}.csv",
        "plots/adversaries/{}.csv",
        "plots/saliency_colours/{}.csv",
    ):
        shutil.copy(path.format(BASE), path.format(BETTER))
    values = find_changes()
    for measure in measures_of(task):
        of_run = values[BETTER][measure].dropna().to_numpy()
        assert len(of_run)
        assert of_run == pytest.approx(UNCHANGED.get(measure, 0), abs=1e-9)


def test_a_single_run_has_empty_tables_and_figures_that_say_so(workspace, task, monkeypatch):
    figures = {}
    for module in ("changes.figures", "changes.similarity"):
        monkeypatch.setattr(
            f"imbalens.reports.{module}.save",
            lambda figure, path: figures.update({path.stem: figure}),
        )
    write_params(workspace, experiment(task, (BASE,)))
    changes.main([DATASET])
    assert len(read("-similarity")) == 1
    for part in ("", "-flow", "-adversaries"):
        table = read(part)
        assert table.empty
        assert "run" in table.columns
    for name in (DATASET, f"{DATASET}-flow"):
        (axes,) = figures[name].axes
        shown = [text.get_text() for text in axes.texts]
        assert shown == ["no run of this dataset beside the baseline"]


@pytest.mark.usefixtures("workspace")
def test_the_same_dumps_give_the_same_files():
    found = []
    for _ in range(2):
        changes.main([DATASET])
        found.append(written(*OUTPUTS))
    parts = ("", "-activation", "-adversaries", "-flow", "-predictions", "-similarity")
    assert {Path(path).name for path in found[0]} == {
        *(f"{DATASET}{part}.csv" for part in parts),
        *(f"{DATASET}{part}.png" for part in ("", "-flow", "-similarity")),
    }
    assert found[0] == found[1]


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.parametrize(
    ("missing", "command"),
    [
        (f"data/dumps/features/{NULL}.h5", f"dump_features@{NULL}"),
        (f"data/dumps/maps/{NULL}.h5", f"dump_maps@{NULL}"),
        (f"data/instances/archetypes/{BASE}.csv", f"archetypes@{BASE}"),
        (f"plots/adversaries/{BETTER}.csv", f"adversaries@{BETTER}"),
        (f"plots/saliency_colours/{NULL}.csv", f"saliency_colours@{NULL}"),
        (f"data/prepared/{DATASET}.h5", f"prepare@{DATASET}"),
    ],
)
@pytest.mark.usefixtures("workspace", "quick")
def test_what_is_missing_says_what_to_run(missing, command):
    Path(missing).unlink()
    with pytest.raises(InputError) as caught:
        changes.main([DATASET])
    assert str(caught.value) == f"{missing} is missing; run: dvc repro {command}"
    assert not any(Path(folder).exists() for folder in OUTPUTS)


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.parametrize("n", [None, 50])
@pytest.mark.usefixtures("workspace", "quick")
def test_features_of_other_images_are_refused(n):
    change_images(NULL, n=n)
    with pytest.raises(InputError) as caught:
        changes.main([DATASET])
    assert str(caught.value) == (
        f"data/dumps/features/{NULL}.h5: the images of test are not those of {BASE}; "
        f"run: dvc repro dump_features@{BASE} dump_features@{NULL}"
    )
    assert not any(Path(folder).exists() for folder in OUTPUTS)


@pytest.mark.parametrize("task", ["multiclass"], indirect=True)
@pytest.mark.usefixtures("workspace", "quick")
def test_archetypes_of_other_images_are_refused():
    path = Path(f"data/instances/archetypes/{NULL}.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError) as caught:
        changes.main([DATASET])
    assert str(caught.value) == (
        f"{path}: found {SIZES['train'] - 1} rows whose 'row' is not that of the {SIZES['train']} "
        f"wanted; run: dvc repro archetypes@{NULL}"
    )
