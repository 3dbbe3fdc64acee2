"""What the stage `saliency_colours` writes."""

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.saliency_colours import ALL, ANY_PIXEL, COLOUR_GROUPS
from imbalens.store.tables import Column, Table

STAGE = "saliency_colours"
PARTS = (ANY_PIXEL, ALL, *ARCHETYPE_NAMES)

COLOURS = Table(
    STAGE,
    "plots/saliency_colours/{name}.csv",
    (
        Column("class", "text", "class of the training images"),
        Column("archetype", "text", "salient pixels of which images, or any pixel", words=PARTS),
        Column("group", "text", "colour group", words=COLOUR_GROUPS),
        Column("pixels", "integer", "pixels of the group"),
        Column("share", "number", "share of the class's pixels"),
        Column("red", "number", "mean over the pixels, 0 to 255"),
        Column("green", "number", "mean over the pixels, 0 to 255"),
        Column("blue", "number", "mean over the pixels, 0 to 255"),
    ),
)
