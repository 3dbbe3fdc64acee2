"""What the stage `cam_alignment` writes."""

from imbalens.store.tables import Column, Table

STAGE = "cam_alignment"
ALL = "all"
"""Class of the row over all pairs."""

CLASSES = Table(
    STAGE,
    "plots/cam_alignment/{name}.csv",
    (
        Column("class", "text", f"class of the boxes, {ALL!r} for all pairs"),
        Column("pairs", "integer", "pairs of an image and a class with a box"),
    ),
    further="number",
)
PAIRS = Table(
    STAGE,
    "data/instances/cam_alignment/{name}.csv",
    (
        Column("row", "integer", "row of the image in the prepared split"),
        Column("class", "text", "class of the boxes"),
    ),
    further="number",
)
EXAMPLES = Table(
    STAGE,
    "plots/cam_examples/{name}.csv",
    (
        Column("example", "integer", "from 0"),
        Column("row", "integer", "row of the image in the prepared split"),
        Column("class", "text", "class of the boxes"),
        Column("y", "integer", "row of the map's cell"),
        Column("x", "integer", "column of the map's cell"),
        Column("value", "number", "class activation, as it is"),
    ),
)
