"""What the stage `train` writes."""

from imbalens.store.tables import Column, Table

HISTORY = Table(
    "train",
    "plots/train/{name}.csv",
    (
        Column("epoch", "integer", "from 0"),
        Column("loss", "number", "mean over the training images"),
        Column(
            "training_score",
            "number",
            "balanced accuracy, or mean AUROC of several labels, of the images as trained on",
        ),
        Column("learning_rate", "number", "of the epoch"),
        Column("validation_score", "number", "the same of validation images, if there are any"),
    ),
)
