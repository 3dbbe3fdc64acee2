"""What the stage `performance` writes."""

from imbalens.store.tables import Column, Table

STAGE = "performance"

CLASSES = Table(
    STAGE,
    "plots/performance/{name}.csv",
    (
        Column("class", "text", "class or label"),
        Column("train_count", "integer", "training images with it"),
    ),
    further="number",
    drawn=("recall",),
)
CONFUSION = Table(
    STAGE,
    "plots/performance/{name}-confusion.csv",
    (
        Column("actual", "text", "class that images have"),
        Column("predicted", "text", "class that they are taken for"),
        Column("count", "integer", "images"),
        Column("share", "number", "count as a share of the actual class's images that tell it"),
    ),
)
TABLES = (CLASSES, CONFUSION)
