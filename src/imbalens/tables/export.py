"""What `imbalens export` writes: a row per image, columns that `imbalens analyze` reads again.

In a name `{label}` stands for each output of the network, `{class}` for each class, that of
images without any label included, and `{feature}` for the number of each feature: such a column
is a range of columns beside each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.store.tables import Column

IMAGE = (
    Column("id", "text", "file or other name in the source"),
    Column("path", "text", "picture of the image, at the size that the network sees", (), True),
    Column("split", "text", "train, val or test"),
    Column("row", "integer", "row in the prepared split"),
    Column("index", "integer", "position in the source's split"),
    Column("group", "integer", "number of the group, such as the patient", (), True),
)
OF_CLASSES = (
    Column("label", "text", "class as given"),
    Column("prediction", "text", "class of the highest logit", (), True),
    Column("archetype", "text", "of training images", ARCHETYPE_NAMES, True),
    Column("suspicion", "number", "of labels listed as in doubt: usual less own probability"),
    Column("suggested", "text", "of the same: the class suggested instead", (), True),
)
OF_LABELS = (
    Column("label_{label}", "integer", "1 has it, 0 lacks it, -1 is not known"),
    Column("prediction_{class}", "boolean", "is taken to have it, of what is known", (), True),
    Column("archetype_{class}", "text", "of training images that have it", ARCHETYPE_NAMES, True),
    Column(
        "suspicion_{label}", "number", "of those listed as in doubt: usual less own probability"
    ),
)
SCORES = (
    Column("logit_{label}", "number", "what a decision is taken on, scaled and adjusted as by it"),
    Column("prob_{label}", "number", "softmax over classes, sigmoid of several labels"),
)
FEATURES = (Column("feature_{feature}", "number", "pooled last convolutional layer"),)


def expand(column: Column, names: Mapping[str, Sequence[str]]) -> list[Column]:
    """Return the columns that a declared one stands for.

    Args:
        column: A declared column.
        names: What `label`, `class` and `feature` stand for.
    """
    key = next((key for key in names if f"{{{key}}}" in column.name), None)
    if key is None:
        return [column]
    return [replace(column, name=column.name.replace(f"{{{key}}}", name)) for name in names[key]]


def describe(
    columns: Sequence[Column], names: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Say of each declared column where it stands, for the metadata of the file.

    Args:
        columns: The declared columns that the file has, in their order.
        names: What `label`, `class` and `feature` stand for.
    """
    described, first = [], 0
    for column in columns:
        count = len(expand(column, names))
        own = {"name": column.name, "kind": column.kind, "meaning": column.meaning}
        described.append({**own, "first": first, "count": count})
        first += count
    return described
