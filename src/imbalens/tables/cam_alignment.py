"""What the stage `cam_alignment` writes."""

from imbalens.analysis.cam_alignment.alignment import MEASURES
from imbalens.analysis.cam_alignment.matched import MATCHED_MEASURES
from imbalens.analysis.common.measures import (
    ALL_ZERO,
    EMPTY_MATCHED,
    IOBB,
    IOR,
    IOU,
    POINTING_CONTROLLED,
)
from imbalens.store.tables import Column, Table

STAGE = "cam_alignment"
ALL = "all"
"""Class of the row over all pairs."""

KINDS = {
    "soft": ("of maps within 0 and 1", MEASURES),
    "hard": ("of maps cut at the threshold", (IOBB.name, IOR.name, IOU.name)),
    "untrained": ("of a network with random weights", (IOBB.name, IOR.name)),
    "shifted": ("of boxes moved at random", (IOBB.name, IOR.name)),
    "matched": ("at matched scale", MATCHED_MEASURES),
}
"""What is measured in which way, and the measures that tables show of it, in their order."""

FLAGS = (ALL_ZERO.path[-1], EMPTY_MATCHED.path[-1])
"""Measures of a pair that are true or false."""


def column_of(kind: str, measure: str) -> str:
    """Return the name of a measure's column; only the AUROC needs no kind to be told apart."""
    return measure if kind == "soft" or measure == "auroc" else f"{measure}_{kind}"


def _columns(*kinds: str, flags: bool) -> tuple[Column, ...]:
    """Declare the columns of some kinds of measures, those that are true or false as 0 or 1."""
    return tuple(
        Column(
            column_of(kind, measure),
            "integer" if flags and measure in FLAGS else "number",
            f"{measure} {KINDS[kind][0]}",
        )
        for kind in kinds
        for measure in KINDS[kind][1]
    )


CLASSES = Table(
    STAGE,
    "plots/cam_alignment/{name}.csv",
    (
        Column("class", "text", f"class of the boxes, {ALL!r} for all pairs"),
        Column("pairs", "integer", "pairs of an image and a class with a box"),
        *_columns(*KINDS, flags=False),
    ),
)
PAIRS = Table(
    STAGE,
    "data/instances/cam_alignment/{name}.csv",
    (
        Column("row", "integer", "row of the image in the prepared split"),
        Column("class", "text", "class of the boxes"),
        *_columns("soft", "matched", flags=True),
        Column(POINTING_CONTROLLED.name, "number", "pointing less that of boxes moved at random"),
    ),
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
