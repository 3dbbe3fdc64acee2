"""Rows of the summary by hand."""

import numpy as np
import pandas as pd

from imbalens.analysis.common.measures import ONE_EACH
from imbalens.analysis.summary import HEADLINES, judge_difference
from imbalens.tables.summary import SHARE, SUMMARY

SPECS = {spec.name: spec for spec in HEADLINES}
BASE = "data/ce"


def row(measure, setting="data/other", interval=(np.nan, np.nan), **given):
    """A row of a setting that is compared, or of the baseline where that is its name."""
    spec, (low, high) = SPECS[measure], interval
    compared = setting != BASE
    difference = given.pop("difference", (low + high) / 2)
    values = {
        "dataset": "data",
        "setting": setting,
        "baseline": BASE if compared else "",
        "stage": spec.stage,
        "measure": measure,
        "heading": spec.heading,
        "better": spec.better or "",
        "unit": SHARE if spec.interval == "share" else "",
        "trainings": 3,
        "baseline_trainings": 3 if compared else 0,
        "baseline_value": 0.5,
        "value": 0.5,
        "difference": difference,
        "low": low,
        "high": high,
        "confidence": 0.95,
        "p_adjusted": 0.001,
        "over": "images and seeds" if compared else "",
        "verdict": judge_difference(difference, low, high) if compared else "",
    }
    return values | given


def once(*args, **given):
    """A row of a setting that was trained once, as its baseline was."""
    return row(*args, trainings=1, baseline_trainings=1, over=f"images, {ONE_EACH}", **given)


def table(*rows):
    return pd.DataFrame(rows, columns=[column.name for column in SUMMARY.columns])
