"""What the stage `false_positives` writes."""

from imbalens.store.tables import Column, Table

FALSE_POSITIVES = Table(
    "false_positives",
    "plots/false_positives/{name}.csv",
    (
        Column("run", "text", "one of the two runs"),
        Column("adversary", "text", "class confused with the reference class"),
        Column("count", "integer", "images"),
    ),
)
