"""What the stage `compare` writes."""

from imbalens.store.tables import Column, Table

TRAININGS = "trainings"  # how many the metrics of a setting are means over

SETTINGS = Table(
    "compare",
    "plots/compare/{name}.csv",
    (
        Column("setting", "text", "setting of the dataset"),
        Column("model", "text", "network"),
        Column("loss", "text", "loss"),
    ),
    further="number",
)
