"""What the stage `focus` writes, of the setting that params.yaml names so."""

from imbalens.store.tables import Column, Table

STAGE = "focus"
SETTING = Column("setting", "text", "setting")
MEASURE = Column("measure", "text", "headline in words")

HEADLINES = Table(
    STAGE,
    "plots/focus/headlines.csv",
    (SETTING, MEASURE, Column("value", "number", "mean over the setting's trainings")),
)
CLASSES = Table(
    STAGE,
    "plots/focus/classes.csv",
    (
        SETTING,
        Column("class", "text", "class or label, those with most training images first"),
        Column("measure", "text", "recall, or AUROC of labels"),
        Column("value", "number", "mean over the setting's trainings"),
    ),
)
DIFFERENCES = Table(
    STAGE,
    "plots/focus/differences.csv",
    (
        Column("setting", "text", "setting of the same dataset that is no baseline"),
        MEASURE,
        Column("difference", "number", "value less that of the baseline"),
        Column("low", "number", "lower end of the interval"),
        Column("high", "number", "upper end of the interval"),
    ),
)
