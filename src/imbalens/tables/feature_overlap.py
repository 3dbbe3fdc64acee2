"""What the stage `feature_overlap` writes."""

from imbalens.store.tables import Column, Table

STAGE = "feature_overlap"

TOP_FEATURES = Table(
    STAGE,
    "plots/feature_overlap/{name}.csv",
    (
        Column("class", "text", "class of the training images"),
        Column("position", "integer", "1 for the feature with the largest mean"),
        Column("feature", "integer", "index of the feature"),
        Column("mean", "number", "mean over the class's images, above 0"),
        Column("share", "number", "mean as a share of the listed features' sum"),
    ),
)
PAIRS = Table(
    STAGE,
    "plots/feature_overlap/{name}-pairs.csv",
    (
        Column("class", "text", "class of the training images"),
        Column("other", "text", "another class"),
        Column("shared", "number", "top features that both have"),
        Column("jaccard", "number", "shared features as a share of those of either"),
        Column("density_ratio", "number", "share of the other's instances' top features"),
    ),
)
TABLES = (TOP_FEATURES, PAIRS)
