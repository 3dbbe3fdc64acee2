"""What the stage `archetypes` writes."""

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.store.tables import Column, Table

STAGE = "archetypes"
ARCHETYPE = Column("archetype", "text", "archetype", words=ARCHETYPE_NAMES)

ARCHETYPES = Table(
    STAGE,
    "plots/archetypes/{name}.csv",
    (
        Column("class", "text", "class of the training images"),
        ARCHETYPE,
        Column("count", "integer", "instances"),
        Column("share", "number", "count as a share of the class"),
        Column(
            "true_positives",
            "integer",
            "instances that are classified as the class; empty without predictions",
            may_be_empty=True,
        ),
        Column("true_positive_rate", "number", "true positives as a share of the count"),
    ),
)
PROTOTYPES = Table(
    STAGE,
    "plots/archetypes/{name}-prototypes.csv",
    (
        Column("class", "text", "class of the training images"),
        ARCHETYPE,
        Column("row", "integer", "row in the prepared training split", may_be_empty=True),
        Column("index", "integer", "position in the source's split", may_be_empty=True),
        Column("name", "text", "file or other name in the source", may_be_empty=True),
    ),
)
INSTANCES = Table(
    STAGE,
    "data/instances/archetypes/{name}.csv",
    (
        Column("row", "integer", "row in the prepared training split"),
        Column("index", "integer", "position in the source's split"),
        Column("name", "text", "file or other name in the source", may_be_empty=True),
        Column("label", "text", "a class that the image has"),
        Column(
            "prediction",
            "text",
            "classes that it is taken to have, joined by |; of labels those known of it",
            may_be_empty=True,
        ),
        ARCHETYPE,
    ),
)
# of features that users give, which may say it: a further column of instances
GROUP = Column(
    "group", "text", "group of the image, blank where it is one by itself", may_be_empty=True
)
TABLES = (ARCHETYPES, INSTANCES, PROTOTYPES)
