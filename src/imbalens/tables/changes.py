"""What the stage `changes` writes."""

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.measures import MEASURES
from imbalens.store.tables import Column, Table

STAGE = "changes"

CHANGES = Table(
    STAGE,
    "plots/changes/{name}.csv",
    (
        Column("run", "text", "run compared with its baseline"),
        Column("measure", "text", "what changed", words=MEASURES),
        Column("class", "text", "class; empty over all", may_be_empty=True),
        Column("value", "number", "of the measure"),
        Column("instances", "integer", "instances behind it"),
        Column("chance", "number", "what chance gives"),
    ),
)
SIMILARITY = Table(
    STAGE,
    "plots/changes/{name}-similarity.csv",
    (
        Column("run", "text", "a run"),
        Column("other", "text", "another run of the dataset"),
        Column("cka", "number", "linear centred kernel alignment"),
        Column("cka_debiased", "number", "the same, without its bias of few images"),
    ),
)
FLOW = Table(
    STAGE,
    "plots/changes/{name}-flow.csv",
    (
        Column("run", "text", "run compared with its baseline"),
        Column("class", "text", "class; empty over all", may_be_empty=True),
        Column("baseline", "text", "archetype under the baseline", words=ARCHETYPE_NAMES),
        Column("other", "text", "archetype under the run", words=ARCHETYPE_NAMES),
        Column("count", "integer", "instances"),
        Column("share", "number", "count as a share of the baseline's archetype"),
    ),
)
ADVERSARIES = Table(
    STAGE,
    "plots/changes/{name}-adversaries.csv",
    (
        Column("run", "text", "run compared with its baseline"),
        Column("class", "text", "reference class"),
        Column("position", "integer", "from 1, among adversaries that are first together"),
        Column("adversary_baseline", "text", "first under the baseline", may_be_empty=True),
        Column("adversary", "text", "first under the run", may_be_empty=True),
        Column("share_baseline", "number", "share of the former"),
        Column("share", "number", "share of the latter"),
    ),
)
PREDICTIONS = Table(
    STAGE,
    "plots/changes/{name}-predictions.csv",
    (
        Column("run", "text", "training compared with one of its baseline"),
        Column("baseline", "text", "training of the baseline"),
        Column("class", "text", "true class"),
        Column("predicted_baseline", "text", "class that the baseline's training predicts"),
        Column("predicted", "text", "class that the run predicts"),
        Column("count", "integer", "evaluation images of which that is so"),
    ),
)
"""Of classes that exclude each other; no rows of labels."""
ACTIVATION = Table(
    STAGE,
    "plots/changes/{name}-activation.csv",
    (
        Column("run", "text", "training compared with one of its baseline"),
        Column("baseline", "text", "training of the baseline"),
        Column("row", "integer", "row of the image in the prepared split"),
        Column("patient", "integer", "patient of the image; its row where that is not known"),
        Column("class", "text", "class of the boxes"),
        Column("total", "number", "activation added, in pixels of full activation"),
        Column("inside", "number", "the part of it in the boxes"),
        Column("elsewhere", "number", "the part of it in boxes moved at random"),
    ),
)
"""Of trainings whose maps were dumped; no rows without any."""

TABLES = {
    "similarity": SIMILARITY,
    "changes": CHANGES,
    "flow": FLOW,
    "adversaries": ADVERSARIES,
    "predictions": PREDICTIONS,
    "activation": ACTIVATION,
}
