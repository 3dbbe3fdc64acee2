import numpy as np
import pandas as pd

from imbalens.analysis.differences.comparison import Difference
from imbalens.reading.claims import read_differences
from imbalens.reports.differences.differences import differences_table
from imbalens.store.tables import write_table
from imbalens.tables.differences import DIFFERENCES


def difference(**changed):
    values = {
        "setting": "ldam",
        "baseline": "ce",
        "stage": "performance",
        "measure": "recall",
        "class_name": None,
        "baseline_value": 0.25,
        "value": 0.5,
        "difference": 0.25,
        "low": 0.125,
        "high": 1 / 3,
        "p": 1e-300,
        "p_adjusted": 0.5,
        "images": 40,
        "seeds": 2,
        "spread": 0.0,
        "classes": 3,
        "over": "patients and seeds",
        "freedom": 7.25,
    }
    return Difference(**values | changed)


def test_what_the_stage_wrote_is_read_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = [
        difference(),
        difference(class_name="NA", classes=None, over="images, these trainings"),
    ]
    write_table(DIFFERENCES, "toy", differences_table(written))
    assert read_differences("toy") == written


def test_an_interval_that_was_not_given_is_undefined(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_ended = difference(low=np.nan, high=np.nan, p=np.nan)
    write_table(DIFFERENCES, "toy", differences_table([open_ended]))
    (found,) = read_differences("toy")
    pd.testing.assert_series_equal(pd.Series(vars(found)), pd.Series(vars(open_ended)))
