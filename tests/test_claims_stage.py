"""The claims stage, on tables made by hand in the form that the other stages write."""

import json
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.errors import InputError
from imbalens.tables import saliency_colours
from imbalens.tables.adversaries import ADVERSARIES, CLASS_SCORES
from imbalens.tables.archetypes import ARCHETYPES
from imbalens.tables.changes import ACTIVATION, PREDICTIONS
from imbalens.tables.differences import DIFFERENCES
from imbalens.tables.feature_overlap import PAIRS
from imbalens.tables.performance import CLASSES
from stages import claims
from tests.table_cases import save
from tests.tiny import LABEL_RUNS, RUNS, method_of, tiny_params, write_params

CE, LDAM = RUNS
BCE, CB_FOCAL = LABEL_RUNS
OF_CE, OF_LDAM, OF_BCE, OF_FOCAL = (  # their settings
    run.replace("-", "/", 1) for run in (*RUNS, *LABEL_RUNS)
)
NAMES = ["a", "b", "c", "d", "e", "f"]  # head first; a and e overlap, so do b and f
TWINS = {frozenset("ae"), frozenset("bf")}
TRAIN = [400, 300, 100, 90, 20, 10]
SEVERAL = "images and seeds"
COLOURS = np.array([[9, 1], [1, 9], [5, 5], [3, 7], [9, 1], [1, 9]]) / 10


def row(setting, stage, measure, low, high, images=240, label="", p_adjusted=0.04, over=SEVERAL):
    middle = (low + high) / 2
    return {
        "setting": setting,
        "stage": stage,
        "measure": measure,
        "class": label,
        "value": 0.5 + middle,
        "difference": middle,
        "low": low,
        "high": high,
        "p": 0.01,
        "p_adjusted": p_adjusted,
        "images": images,
        "seeds": 1,
        "over": over,
        "freedom": 60.0,
    }


def about(path):
    """What the stage asks of a prepared file."""
    tasks = {"planted": "multiclass", "phantom": "multilabel"}
    return SimpleNamespace(task=tasks[path.stem], generated=True, n_train=100)


def write_differences(dataset, rows):
    save(DIFFERENCES, dataset, rows)


def write_run(run):
    """Tables of one run."""
    archetypes = [
        {"class": name, "archetype": kind, "count": size, "true_positives": size // part}
        for name, size in zip(NAMES, TRAIN, strict=True)
        for kind, part in zip(ARCHETYPE_NAMES, (1, 1, 5, 5), strict=True)
    ]
    save(ARCHETYPES, run, archetypes)
    rng = np.random.default_rng(0)
    shares = [
        {"class": first, "adversary": second, "share": share, "smoothed": share, "kind": kind}
        for kind in ("errors", "neighbours")
        for first in NAMES
        for second, share in zip(
            [other for other in NAMES if other != first],
            np.sort(rng.dirichlet(np.ones(5))) if first != "c" else [np.nan] * 5,
            strict=True,
        )
    ]
    save(ADVERSARIES, run, shares)
    divergences = [
        {"class": name, "log_loss": 0.1, "log_loss_fdr": 9.0, "errors": 10} for name in NAMES
    ]
    save(CLASS_SCORES, run, divergences)
    pairs = [
        {"class": x, "other": y, "jaccard": 0.5 if frozenset((x, y)) in TWINS else 0.1}
        for x, y in permutations(NAMES, 2)
    ]
    save(PAIRS, run, pairs)
    save(CLASSES, run, {"class": NAMES, "train_count": TRAIN})
    colours = [
        {
            "class": name,
            "archetype": part,
            "group": group,
            "share": dict(zip(("red", "blue"), shares, strict=True)).get(group, 0.0)
            if part == "all"
            else float(group == "red"),
        }
        for part in ("any pixel", "all")
        for name, shares in zip(NAMES, COLOURS, strict=True)
        for group in COLOUR_GROUPS
    ]
    save(saliency_colours.COLOURS, run, colours)


def write_predictions(dataset, *pairs):
    """Of each pair of trainings: images of the smallest classes that go to a large one.

    Twenty go to the class that overlaps theirs in either, 30 to the other one under the
    baseline and some under the run.
    """
    rows = []
    for run, baseline, left in pairs:
        cells = [(name, name, name, 60) for name in "abcd"]
        for small, twin, other in (("e", "a", "b"), ("f", "b", "a")):
            cells += [(small, twin, twin, 20), (small, other, other, left)]
            cells += [(small, other, small, 30 - left), (small, small, small, 50)]
        for cell in cells:
            columns = ("class", "predicted_baseline", "predicted", "count")
            rows.append({"run": run, "baseline": baseline} | dict(zip(columns, cell, strict=True)))
    save(PREDICTIONS, dataset, rows)


def write_activation(dataset, *pairs):
    """Of each pair of trainings what lies in boxes: more than elsewhere."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "run": run,
            "baseline": baseline,
            "row": image,
            "patient": image // 2,
            "total": 100.0,
            "inside": 30 + rng.normal(),
            "elsewhere": 10.0,
        }
        for run, baseline in pairs
        for image in range(40)
    ]
    save(ACTIVATION, dataset, rows)


@pytest.fixture
def values(tmp_path, monkeypatch):
    """Parameters, with the tables of four runs in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(claims, "read_metadata", about)
    values = tiny_params((CE, LDAM, BCE, CB_FOCAL))
    values["analyses"]["claims"] |= {"n_resamples": 100, "min_images": 30, "min_classes": 5}
    for run in (CE, f"{CE}-seed1", LDAM, BCE, CB_FOCAL):
        write_run(run)
    values["runs"][f"{CE}-seed1"] = values["runs"][CE] | {"seed": 1}
    write_params(tmp_path, values)
    write_predictions("planted", (LDAM, CE, 2), (LDAM, f"{CE}-seed1", 2))
    save(PREDICTIONS, "phantom", [])
    write_activation("planted")
    write_activation("phantom", (CB_FOCAL, BCE))
    write_differences("planted", [row(OF_LDAM, "performance", "accuracy", 0.1, 0.2)])
    rows = [
        row(OF_FOCAL, "performance", "auroc", -0.01, 0.01),
        row(OF_FOCAL, "performance", "auroc", 0.5, 0.6, label="Mass"),
        row(OF_FOCAL, "performance", "ap", 0.01, 0.05),
        row(OF_FOCAL, "performance", "probability", 0.2, 0.3),
        row(OF_FOCAL, "performance", "recall_half", 0.1, 0.2),
        row(OF_FOCAL, "performance", "recall", -0.1, 0.1),
        row(OF_FOCAL, "cam_alignment", "iobb", 0.1, 0.2),
        row(OF_FOCAL, "cam_alignment", "iobb_matched", -0.1, 0.1),
        row(OF_FOCAL, "cam_alignment", "ior", 0.1, 0.2),
        row(OF_FOCAL, "cam_alignment", "pointing_controlled", 0.1, 0.2, images=29),
        row(OF_FOCAL, "concepts", "disjoint", 3.0, 5.0, p_adjusted=0.06),
    ]
    write_differences("phantom", rows)
    return values


def verdicts(dataset):
    claims.main([dataset])
    metrics = json.loads(Path(f"metrics/claims/{dataset}.json").read_text())
    return {
        name: {judged: found["verdict"] for judged, found in of_claim.items()}
        for name, of_claim in metrics.items()
    }


def reasons(dataset, claim):
    table = pd.read_csv(f"plots/claims/{dataset}.csv").set_index("claim")
    return table.loc[[claim]].set_index("judged")["reason"].to_dict()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("imbalens.reports.claims.save", lambda *_: None)


@pytest.mark.usefixtures("values", "quick")
def test_paper_a_is_judged_by_the_differences_over_all_classes():
    found = verdicts("phantom")
    expected = {
        "auroc_marginal": "holds",
        "ap_marginal": "not decided",
        "probability_rises": "holds",
        "probability_positives_rises": "not measured",
        "recall_half_rises": "holds",
        "recall_rises": "not decided",
        "iobb_rises": "holds",
        "iobb_matched_rises": "not decided",
        "ior_falls": "does not hold",
        "ior_matched_falls": "not measured",
        "disjoint_rises": "not decided",
        "unique_rises": "not measured",
        "pointing_controlled_rises": "holds",
        "added_activation_in_boxes": "not decided",
    }
    assert {name: found[name] for name in expected} == {
        name: {OF_FOCAL: verdict} for name, verdict in expected.items()
    }
    assert "singly, not after correction" in reasons("phantom", "disjoint_rises")[OF_FOCAL]
    assert reasons("phantom", "unique_rises") == {
        OF_FOCAL: f"Not measured: the differences from {OF_BCE} have no unique of concepts."
    }
    assert "(29 images, adjusted p " in reasons("phantom", "pointing_controlled_rises")[OF_FOCAL]
    added = reasons("phantom", "added_activation_in_boxes")[OF_FOCAL]
    assert added.startswith("One training each: these two networks differ; of the loss")
    assert "lies above 0 (40 images)." in added
    text = Path("plots/claims/phantom.md").read_text()
    assert text.startswith("# phantom (generated images): claims of both papers\n")
    sentence = f"it rises for 1 of 1 settings ({OF_FOCAL}), at matched scale for 0 of these: "
    assert f"- IoBB: in the paper's measure {sentence}" in text
    table = pd.read_csv("plots/claims/phantom-prior_shift.csv").set_index("measure")["sentence"]
    assert table["IoBB"].endswith("the effect is not shown to survive the control.")
    assert table["IoR"].endswith("but rises for each: there is no effect to control.")


@pytest.mark.usefixtures("values", "quick")
def test_paper_b_is_judged_by_the_tables_of_each_run():
    found = verdicts("planted")
    every = dict.fromkeys((CE, LDAM, f"{CE}-seed1"), "holds")
    assert found["safe_border_hold_true_positives"] == every
    assert found["safe_border_lead_true_positive_rates"] == every
    assert found["adversaries_rank_errors"] == every
    assert found["adversaries_match_fdr"] == every, "9 nats are far above"
    assert found["overlapping_colours_alike"] == every | {f"{CE}-seed1": "not measured"}
    assert found["ldam_lowers_dominated_errors"] == {OF_LDAM: "holds"}
    assert found["ldam_leaves_overlapping_errors"] == {OF_LDAM: "holds"}
    assert found["ldam_leaves_overlap"] == {OF_LDAM: "not decided"}, "two pairs say little"
    metrics = json.loads(Path("metrics/claims/planted.json").read_text())
    assert metrics["adversaries_beat_random"][CE]["n"] == 5, "one class has no errors"
    assert metrics["overlapping_colours_alike"][CE]["n"] == 6
    lowered = metrics["ldam_lowers_dominated_errors"][OF_LDAM]
    assert lowered["n"] == 2 * 60 + 2 * 100, "images of the classes with a much larger one"
    assert lowered["statistic"] == 2 / 30 - 1
    assert metrics["ldam_leaves_overlapping_errors"][OF_LDAM]["threshold"] == -0.2
    assert list(metrics) == sorted(metrics)


@pytest.mark.usefixtures("quick")
def test_runs_without_what_a_claim_needs_say_what_is_missing(tmp_path, values):
    values["dumps"]["maps"]["runs"] = [CE]
    values["dumps"]["saliency"]["runs"] = [CE]
    write_params(tmp_path, values)
    Path(f"plots/saliency_colours/{LDAM}.csv").unlink()
    found = verdicts("planted")
    assert found["iobb_rises"] == {OF_LDAM: "not measured"}
    unmapped = f"No maps were dumped for {LDAM}, {CE}-seed1 (dumps.maps.runs)."
    assert reasons("planted", "iobb_rises") == {OF_LDAM: unmapped}
    text = Path("plots/claims/planted.md").read_text()
    assert f"- IoR: not measured: n{unmapped[1:]}\n" in text
    assert reasons("planted", "auroc_marginal") == {
        OF_LDAM: "Stated of labels: not defined where classes exclude each other."
    }
    missing = f"No saliency was dumped for {LDAM} (dumps.saliency.runs)."
    assert reasons("planted", "overlapping_colours_alike")[LDAM] == missing
    assert found["overlapping_colours_alike"][CE] == "holds"
    verdicts("phantom")
    assert reasons("phantom", "ldam_leaves_overlap") == {
        "(no run)": "No run of this dataset has LDAM."
    }


@pytest.mark.usefixtures("quick")
def test_no_plain_run_and_other_networks_decide_nothing(tmp_path, values):
    method_of(values, CE)["loss"] = {"name": "balanced_softmax"}
    write_activation("planted", (LDAM, CE), (LDAM, f"{CE}-seed1"))
    method_of(values, BCE)["model"] = {"name": "resnet50", "weights": "none"}
    values["datasets"]["phantom"]["image_size"] = 64
    write_params(tmp_path, values)
    verdicts("planted")
    weighted = f"The baseline {OF_CE} does not have the plain loss."
    assert reasons("planted", "iobb_rises") == {OF_CE: weighted, OF_LDAM: weighted}
    assert reasons("planted", "ldam_leaves_overlap") == {OF_LDAM: weighted}
    found = verdicts("phantom")
    assert found["iobb_rises"] == {OF_FOCAL: "not applicable"}
    assert reasons("phantom", "iobb_rises") == {
        OF_FOCAL: f"The baseline {OF_FOCAL} does not have the plain loss."
    }


@pytest.mark.usefixtures("quick")
def test_repeats_are_compared_together_with_those_of_the_named_baseline(tmp_path, values):
    runs = values["runs"]
    runs["other"] = runs[CE] | {"recipe": "longer"}
    values["recipes"]["longer"] = values["recipes"]["quick"] | {"epochs": 3}
    values["focus"], values["dumps"]["saliency"]["runs"] = OF_LDAM, []
    for run in ("other", LDAM):
        runs[f"{run}-seed1"] = runs[run] | {"seed": 1}
        write_run(f"{run}-seed1")
    write_run("other")
    write_params(tmp_path, values)
    sides = {
        base: [(run, each) for run in two(LDAM) for each in two(base)] for base in (CE, "other")
    }
    write_predictions(
        "planted",
        *((*pair, 2) for pair in sides[CE]),
        *((*pair, 30) for pair in sides["other"]),
    )
    found = verdicts("planted")
    assert list(found["auroc_marginal"]) == [OF_LDAM]
    assert found["ldam_lowers_dominated_errors"] == {OF_LDAM: "holds"}
    table = pd.read_csv("plots/claims/planted.csv").set_index(["claim", "judged"])
    for claim in ("ldam_lowers_dominated_errors", "ldam_leaves_overlap"):
        assert table.loc[(claim, OF_LDAM), ["baseline", "seeds"]].tolist() == [f"{OF_CE}/quick", 2]
    assert len(found["adversaries_beat_random"]) == 6
    values["baselines"] = [f"{OF_CE}/longer"]
    write_params(tmp_path, values)
    assert verdicts("planted")["ldam_lowers_dominated_errors"] == {OF_LDAM: "does not hold"}
    table = pd.read_csv("plots/claims/planted.csv").set_index(["claim", "judged"])
    assert table.loc[("ldam_leaves_overlap", OF_LDAM), "baseline"] == f"{OF_CE}/longer"


def two(run):
    return (run, f"{run}-seed1")


@pytest.mark.usefixtures("quick", "values")
def test_one_repeat_that_differs_leaves_the_change_open():
    write_predictions("planted", (LDAM, CE, 2), (LDAM, f"{CE}-seed1", 30))
    assert verdicts("planted")["ldam_lowers_dominated_errors"] == {OF_LDAM: "not decided"}
    assert not reasons("planted", "ldam_lowers_dominated_errors")[OF_LDAM].startswith(
        "One training"
    )


@pytest.mark.usefixtures("quick")
def test_one_training_of_each_loss_decides_nothing_about_it(tmp_path, values):
    del values["runs"][f"{CE}-seed1"]
    write_params(tmp_path, values)
    write_differences(
        "phantom",
        [row(OF_FOCAL, "cam_alignment", "iobb", 0.1, 0.2, over="images, these trainings")],
    )
    for dataset, claim, setting in (
        ("planted", "ldam_lowers_dominated_errors", OF_LDAM),
        ("phantom", "iobb_rises", OF_FOCAL),
    ):
        assert verdicts(dataset)[claim] == {setting: "not decided"}
        assert reasons(dataset, claim)[setting].startswith(
            "One training each: these two networks differ; of the loss nothing is decided. The "
        )
    assert (
        "it is not shown to rise for any of 1 settings"
        in Path("plots/claims/phantom.md").read_text()
    )


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("plots/differences/planted.csv", "differences@planted"),
        (f"plots/archetypes/{CE}.csv", f"archetypes@{CE}"),
        (f"plots/adversaries/{LDAM}.csv", f"adversaries@{LDAM}"),
        (f"plots/adversaries/{LDAM}-classes.csv", f"adversaries@{LDAM}"),
        (f"plots/saliency_colours/{CE}.csv", f"saliency_colours@{CE}"),
        (f"plots/performance/{LDAM}.csv", f"performance@{LDAM}"),
        ("plots/changes/planted-predictions.csv", "changes@planted"),
        ("plots/changes/planted-activation.csv", "changes@planted"),
        (f"plots/feature_overlap/{LDAM}-pairs.csv", f"feature_overlap@{LDAM}"),
    ],
)
@pytest.mark.usefixtures("values")
def test_a_table_that_should_be_there_says_what_to_run(missing, command):
    Path(missing).unlink()
    with pytest.raises(InputError) as caught:
        claims.main(["planted"])
    assert str(caught.value) == f"{missing} is missing; run: dvc repro {command}"
    assert not Path("metrics/claims/planted.json").exists()


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        (f"plots/archetypes/{CE}.csv", "archetypes"),
        (f"plots/adversaries/{LDAM}.csv", "adversaries"),
        (f"plots/adversaries/{LDAM}-classes.csv", "adversaries"),
        (f"plots/saliency_colours/{CE}.csv", "saliency_colours"),
        (f"plots/feature_overlap/{LDAM}-pairs.csv", "feature_overlap"),
    ],
)
@pytest.mark.parametrize("kept", [slice(-1), slice(0)], ids=["end", "all"])
@pytest.mark.usefixtures("values")
def test_a_table_that_was_cut_between_rows_says_what_to_run(path, stage, kept):
    header, *rows = Path(path).read_text().splitlines(keepends=True)
    Path(path).write_text("".join([header, *rows[kept]]))
    with pytest.raises(InputError, match=rf"^plots/{stage}/.*; run: dvc repro {stage}@"):
        claims.main(["planted"])
    assert not Path("metrics/claims/planted.json").exists()


@pytest.mark.usefixtures("values")
def test_predictions_of_other_runs_or_classes_say_what_to_run():
    path = Path("plots/changes/planted-predictions.csv")
    header, *rows = path.read_text().splitlines(keepends=True)
    foreign = rows[0].replace(",a,", ",z,")
    for cut, says in (([], "found no rows of"), ([foreign], "found class 'z'")):
        path.write_text("".join([header, *cut]))
        with pytest.raises(InputError, match=rf"{path}: {says}.*; run: dvc repro changes@planted"):
            claims.main(["planted"])


@pytest.mark.usefixtures("values")
def test_the_same_tables_give_the_same_files():
    written = []
    for _ in range(2):
        claims.main(["planted"])
        folders = ("plots/claims", "plots/figures/claims", "metrics/claims")
        files = sorted(path for folder in folders for path in Path(folder).iterdir())
        written.append([path.read_bytes() for path in files])
        assert len(files) == 5
    assert written[0] == written[1]
