"""What the stage `differences` writes."""

from imbalens.analysis.common.measures import ONE_EACH
from imbalens.store.tables import Column, Table

STAGE = "differences"
UNITS = ("images", "patients")
OVER = (
    *(f"{unit}, {ONE_EACH}" for unit in UNITS),
    *(f"{unit} and seeds" for unit in UNITS),
)

DIFFERENCES = Table(
    STAGE,
    "plots/differences/{name}.csv",
    (
        Column("setting", "text", "setting compared: all trainings that differ in the seed alone"),
        Column("stage", "text", "stage that measures it"),
        Column("measure", "text", "its key in the stage's metrics"),
        Column("class", "text", "class; empty over all", may_be_empty=True),
        Column("baseline", "text", "setting compared with"),
        Column("baseline_value", "number", "mean over the baseline's trainings"),
        Column("value", "number", "mean over the setting's trainings"),
        Column("difference", "number", "value less that of the baseline"),
        Column("low", "number", "lower end of the interval"),
        Column("high", "number", "upper end of the interval"),
        Column("p", "number", "two-sided p-value"),
        Column("p_adjusted", "number", "the same, corrected within its family of rows"),
        Column("images", "integer", "images behind it"),
        Column("seeds", "integer", "trainings of the side that has fewer"),
        Column("spread", "number", "standard deviation over trainings"),
        Column("classes", "integer", "classes averaged over", may_be_empty=True),
        Column("over", "text", "what the interval is over", words=OVER),
        Column("freedom", "number", "degrees of freedom of the interval's Student's t"),
    ),
)
SEEDS = Table(
    STAGE,
    "plots/differences/{name}-seeds.csv",
    (
        Column("setting", "text", "setting"),
        Column("run", "text", "one training of it"),
        Column("seed", "integer", "seed of the training"),
        Column("stage", "text", "stage that measures it"),
        Column("measure", "text", "its key in the stage's metrics"),
        Column("value", "number", "over all classes"),
        Column("classes", "integer", "classes averaged over", may_be_empty=True),
    ),
)
PAPER_A = (Column("Loss", "text", "loss of a setting, or the setting"),)
SETUP = (
    Column("Dataset", "text", "dataset"),
    Column("Classes", "integer", "classes or labels"),
    Column("Train", "integer", "training images"),
    Column("Test", "integer", "test images"),
    Column("Input dim (pixels)", "integer", "numbers of a stored image", may_be_empty=True),
    Column("FE dim", "integer", "feature embeddings of an image", may_be_empty=True),
    Column("Imbal. type", "text", "how the imbalance was made"),
    Column("Max imbal. level", "text", "such as 100:1", may_be_empty=True),
    Column("Epochs", "integer", "epochs; empty where weights were given", may_be_empty=True),
    Column("Arch.", "text", "network"),
)
DIVERGENCES = (
    Column("Dataset", "text", "dataset"),
    Column("Setting", "text", "setting"),
    Column("Classes", "integer", "classes averaged over"),
)
PAPER_TABLES = {
    "paper_a_table_1": Table(
        STAGE, "plots/differences/{name}-paper_a_table_1.csv", PAPER_A, further="number"
    ),
    "paper_a_table_2": Table(
        STAGE, "plots/differences/{name}-paper_a_table_2.csv", PAPER_A, further="number"
    ),
    "paper_b_table_1": Table(STAGE, "plots/differences/{name}-paper_b_table_1.csv", SETUP),
    "paper_b_table_2": Table(
        STAGE, "plots/differences/{name}-paper_b_table_2.csv", DIVERGENCES, further="number"
    ),
}
"""The papers' tables; further columns are values, each followed by the ends of its interval."""
TABLES = (DIFFERENCES, SEEDS, *PAPER_TABLES.values())
TEXTS = {
    "plots/differences/{name}.md": "# {name}\n\nNot applicable: {reason}.\n",
    "plots/differences/{name}-tables.json": "{}\n",
}
"""What else the stage writes, of what cannot be compared."""
