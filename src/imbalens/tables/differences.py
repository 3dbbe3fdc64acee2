"""What the stage `differences` writes."""

from imbalens.store.tables import Column, Table

STAGE = "differences"
OVER = ("images", "patients", "images and seeds", "patients and seeds")

DIFFERENCES = Table(
    STAGE,
    "plots/differences/{name}.csv",
    (
        Column("run", "text", "run compared"),
        Column("stage", "text", "stage that measures it"),
        Column("measure", "text", "its key in the stage's metrics"),
        Column("class", "text", "class; empty over all", may_be_empty=True),
        Column("baseline", "text", "run compared with"),
        Column("baseline_value", "number", "mean over the baseline's trainings"),
        Column("value", "number", "mean over the run's trainings"),
        Column("difference", "number", "value less that of the baseline"),
        Column("low", "number", "lower end of the interval"),
        Column("high", "number", "upper end of the interval"),
        Column("p", "number", "two-sided p-value"),
        Column("p_adjusted", "number", "the same, corrected for the table's number of rows"),
        Column("images", "integer", "images behind it"),
        Column("seeds", "integer", "trainings of the side that has fewer"),
        Column("spread", "number", "standard deviation over trainings"),
        Column("classes", "integer", "classes averaged over", may_be_empty=True),
        Column("over", "text", "what is resampled", words=OVER),
    ),
)
SEEDS = Table(
    STAGE,
    "plots/differences/{name}-seeds.csv",
    (
        Column("run", "text", "run, called as its first training"),
        Column("training", "text", "one training of it"),
        Column("seed", "integer", "seed of the training"),
        Column("stage", "text", "stage that measures it"),
        Column("measure", "text", "its key in the stage's metrics"),
        Column("value", "number", "over all classes"),
    ),
)
