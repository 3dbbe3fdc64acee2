"""What the stage `compare` writes."""

from imbalens.store.tables import Column, Table

RUNS = Table(
    "compare",
    "plots/compare/{name}.csv",
    (
        Column("run", "text", "run of the dataset"),
        Column("model", "text", "network"),
        Column("loss", "text", "loss"),
    ),
    further="number",
)
