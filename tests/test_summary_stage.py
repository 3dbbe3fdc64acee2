"""The stages `summary` and `focus`: what they write of tables that others wrote."""

import json
from pathlib import Path

import numpy as np
import pytest

from imbalens.not_applicable import empty
from imbalens.store.tables import read_table, write_table
from imbalens.tables import focus as tables
from imbalens.tables.differences import DIFFERENCES, SEEDS
from imbalens.tables.performance import CLASSES
from imbalens.tables.summary import SUMMARY
from stages import focus, summary
from tests.table_cases import save
from tests.tiny import RUNS, tiny_params, write_params

CE, LDAM = RUNS
OF_CE, OF_LDAM = (run.replace("-", "/", 1) for run in RUNS)


def seed(setting, run, measure, value, stage="performance"):
    return {"setting": setting, "run": run, "stage": stage, "measure": measure, "value": value}


def difference(measure, low, high, class_name=""):
    return {
        "setting": OF_LDAM,
        "stage": "performance",
        "measure": measure,
        "class": class_name,
        "baseline": OF_CE,
        "baseline_value": 0.25,
        "value": 0.5,
        "difference": 0.25,
        "low": low,
        "high": high,
        "over": "images and seeds",
    }


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Two trainings of the baseline, one of another setting; maps of the baseline alone."""
    monkeypatch.chdir(tmp_path)
    values = tiny_params()
    values["runs"] = {CE: values["runs"][CE], "again": values["runs"][CE] | {"seed": 1}} | {
        LDAM: values["runs"][LDAM]
    }
    write_params(tmp_path, values)
    save(
        SEEDS,
        "planted",
        [
            seed(OF_CE, CE, "balanced_accuracy", 0.2),
            seed(OF_CE, CE, "accuracy", 0.2),
            seed(OF_CE, CE, "few", 0.2),
            seed(OF_CE, CE, "iobb", 0.75, "cam_alignment"),
            seed(OF_CE, "again", "balanced_accuracy", 0.3),
            seed(OF_CE, "again", "few", np.nan),
            seed(OF_LDAM, LDAM, "balanced_accuracy", 0.5),
            seed(OF_LDAM, LDAM, "few", 0.5),
        ],
    )
    save(
        DIFFERENCES,
        "planted",
        [
            difference("balanced_accuracy", 0.1, 0.4),
            difference("accuracy", 0.1, 0.4),
            difference("few", -0.1, 0.6) | {"difference": np.nan},
            difference("recall", 0.1, 0.2, "red square"),
        ],
    )
    for run, first in ((CE, 0.2), ("again", 0.4), (LDAM, 0.6)):
        rows = [{"class": "red", "recall": first}, {"class": "NA", "recall": np.nan}]
        save(CLASSES, run, rows)
    return tmp_path


def read_metrics(name):
    return json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("workspace")
def test_headlines_of_all_settings_with_what_their_intervals_say():
    summary.main([])
    table = read_table(SUMMARY, "").set_index(["setting", "measure"])
    assert list(table.index) == [
        (OF_CE, "balanced_accuracy"),
        (OF_CE, "few"),
        (OF_CE, "iobb"),
        (OF_LDAM, "balanced_accuracy"),
        (OF_LDAM, "few"),
    ]
    own, base = (table.loc[(name, "balanced_accuracy")] for name in (OF_LDAM, OF_CE))
    assert own[["trainings", "baseline_trainings"]].tolist() == [1, 2]
    assert own[["value", "baseline_value", "difference", "low", "high"]].tolist() == [
        *(0.5, 0.25, 0.25, 0.1, 0.4)
    ]
    assert own[["baseline", "verdict", "unit", "better"]].tolist() == [
        *(OF_CE, "rose", "share", "up")
    ]
    assert base[["value", "baseline", "verdict", "over"]].tolist() == [0.25, "", "", ""]
    assert table.loc[(OF_LDAM, "few"), "verdict"] == "undefined"
    assert read_metrics("summary") == {
        OF_CE: {
            "balanced_accuracy": {"value": 0.25},
            "few": {"value": None},
            "iobb": {"value": 0.75},
        },
        OF_LDAM: {
            "balanced_accuracy": {"value": 0.5, "diff": 0.25, "moved": "rose"},
            "few": {"value": 0.5, "diff": None, "moved": "undefined"},
        },
    }
    lines = Path("plots/summary.md").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["# What the loss changed", "", "## planted"]
    change = "+25.0 points (+10.0 to +40.0)"
    assert f"| balanced accuracy | higher | {OF_LDAM} | 1 | 50.0 % | {change} | rose |" in lines
    assert any(
        line.startswith("- planted/ldam_drw against planted/ce: balanced") for line in lines
    )


@pytest.mark.usefixtures("workspace")
def test_a_dataset_of_which_nothing_could_be_compared_is_empty():
    for table in (SEEDS, DIFFERENCES):
        write_table(table, "planted", empty(table))
    for run in (CE, "again", LDAM):
        write_table(CLASSES, run, empty(CLASSES))
    summary.main([])
    assert read_table(SUMMARY, "").empty
    assert read_metrics("summary") == {}
    text = Path("plots/summary.md").read_text(encoding="utf-8")
    assert "No headline measure was taken" in text
    focus.main([])
    assert read_metrics("focus") == {"setting": OF_CE}
    assert read_table(tables.CLASSES, "").empty


@pytest.mark.parametrize(
    ("setting", "found", "values"),
    [
        (OF_CE, {"balanced_accuracy": 0.25, "few": None, "iobb": 0.75}, [0.3, np.nan]),
        (OF_LDAM, {"balanced_accuracy": 0.5, "few": 0.5}, [0.6, np.nan]),
    ],
)
def test_focus_has_the_headlines_of_its_setting(workspace, setting, found, values):
    params = tiny_params()
    params["runs"]["again"] = params["runs"][CE] | {"seed": 1}
    write_params(workspace, params | {"focus": setting})
    summary.main([])
    focus.main([])
    assert read_metrics("focus") == {"setting": setting, **found}
    headlines = read_table(tables.HEADLINES, "")
    assert headlines["setting"].unique().tolist() == [setting]
    assert len(headlines) == len(found)
    classes = read_table(tables.CLASSES, "")
    assert classes["class"].tolist() == ["red", "NA"]
    np.testing.assert_allclose(classes["value"], values)
    differences = read_table(tables.DIFFERENCES, "")
    assert differences["setting"].tolist() == [OF_LDAM, OF_LDAM], "of all settings, whichever"
