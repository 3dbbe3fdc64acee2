"""What the stage `explore` writes."""

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.store.tables import Column, Table

CANDIDATES = Table(
    "explore",
    "plots/explore/{name}-label_errors.csv",
    (
        Column("run", "text", "run that doubts the label"),
        Column("rank", "integer", "1 for the most suspicious of the run's candidates"),
        Column("row", "integer", "row in the prepared training split"),
        Column("index", "integer", "position in the source's split"),
        Column("name", "text", "file or other name in the source", may_be_empty=True),
        Column("given", "text", "label as given"),
        Column("suggested", "text", "label suggested instead"),
        Column("score", "number", "usual less probability"),
        Column("probability", "number", "of the label as given"),
        Column("usual", "number", "mean of that over the images with the same label"),
        Column(
            "archetype",
            "text",
            "of the image in the class given; empty where that is no class of it",
            words=(*ARCHETYPE_NAMES, ""),
            may_be_empty=True,
        ),
        Column("runs", "integer", "runs of the dataset that prefer another label"),
    ),
)
