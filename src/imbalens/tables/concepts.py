"""What the stage `concepts` writes."""

from imbalens.store.tables import Column, Table

STAGE = "concepts"
ALL = "all"
"""Class of the row over all annotated images."""

CLASSES = Table(
    STAGE,
    "plots/concepts/{name}.csv",
    (
        Column("class", "text", f"class of the boxes, {ALL!r} for all images"),
        Column("pairs", "integer", "annotated images, with a box of the class"),
        Column("per", "text", "what counts are divided by", words=("image", "label")),
        Column("disjoint", "number", "components that overlap a box"),
        Column("unique", "number", "channels with at least one such component"),
    ),
)
CHANNELS = Table(
    STAGE,
    "plots/concepts/{name}-channels.csv",
    (
        Column("channel", "integer", "index"),
        Column("dead", "boolean", "zero everywhere"),
        Column("threshold", "number", "activation above which the channel fires"),
        Column("class", "text", "class that it fires in most often", may_be_empty=True),
        Column("pairs", "integer", "pairs of that class", may_be_empty=True),
        Column("share", "number", "share of these in which it fires"),
    ),
    further="integer",
)
COUNTS = Table(
    STAGE,
    "data/instances/concepts/{name}.csv",
    (
        Column("row", "integer", "row of the image in the prepared split"),
        Column("class", "text", "class of the boxes; empty for all", may_be_empty=True),
        Column("disjoint", "integer", "components that overlap a box"),
        Column("unique", "integer", "channels with at least one such component"),
    ),
)
