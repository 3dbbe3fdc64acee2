"""What the stage `train` writes."""

from imbalens.store.tables import Column, Table

HISTORY = Table(
    "train",
    "plots/train/{name}.csv",
    (
        Column("epoch", "integer", "from 0"),
        Column("loss", "number", "mean over the training images"),
        Column("accuracy", "number", "share of images, or of their labels, decided right"),
        Column("learning_rate", "number", "of the epoch"),
        Column("validation_score", "number", "balanced accuracy or mean AUROC, if there are any"),
    ),
)
