"""What the stage `summary` writes."""

from imbalens.analysis.summary import FELL, NO_INTERVAL, ROSE, UNDECIDED, UNDEFINED
from imbalens.store.tables import Column, Table
from imbalens.tables.differences import OVER

SHARE = "share"
NOT_COMPARED = ""  # verdict of a baseline

SUMMARY = Table(
    "summary",
    "plots/summary.csv",
    (
        Column("dataset", "text", "dataset"),
        Column("setting", "text", "setting: all trainings that differ in the seed alone"),
        Column(
            "baseline",
            "text",
            "setting compared with; empty of one that is a baseline itself",
            may_be_empty=True,
        ),
        Column("stage", "text", "stage that measures it"),
        Column("measure", "text", "its key in the stage's metrics; headlines alone"),
        Column("heading", "text", "the measure in words"),
        Column(
            "better",
            "text",
            "which values are better; empty if neither",
            words=("up", "down", ""),
            may_be_empty=True,
        ),
        Column(
            "unit",
            "text",
            "share: shown in per cent, its difference in points; else a number as it is",
            words=(SHARE, ""),
            may_be_empty=True,
        ),
        Column("trainings", "integer", "trainings of the setting that have it"),
        Column("baseline_trainings", "integer", "those of the baseline; 0 without one"),
        Column("baseline_value", "number", "mean over the baseline's trainings"),
        Column("value", "number", "mean over the setting's trainings"),
        Column("difference", "number", "value less that of the baseline"),
        Column("low", "number", "lower end of the interval"),
        Column("high", "number", "upper end of the interval"),
        Column("confidence", "number", "of the interval"),
        Column("p_adjusted", "number", "p-value, corrected within its family of differences"),
        Column(
            "over",
            "text",
            "what the interval is over; empty of a baseline",
            words=(*OVER, ""),
            may_be_empty=True,
        ),
        Column(
            "verdict",
            "text",
            "what the interval lets one say; empty of a baseline",
            words=(ROSE, FELL, UNDECIDED, NO_INTERVAL, UNDEFINED, NOT_COMPARED),
            may_be_empty=True,
        ),
    ),
)
