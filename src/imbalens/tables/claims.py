"""What the stage `claims` writes."""

from typing import get_args

from imbalens.analysis.claims.verdicts import NO_RUN, VERDICTS, Side
from imbalens.store.tables import Column, Table

STAGE = "claims"

CLAIMS = Table(
    STAGE,
    "plots/claims/{name}.csv",
    (
        Column("claim", "text", "short name of the claim"),
        Column("paper", "text", "who claims it", words=("A", "B")),
        Column("section", "text", "where"),
        Column("text", "text", "the claim"),
        Column(
            "judged",
            "text",
            f"setting, or training, it is judged on; {NO_RUN!r} where none could support it",
        ),
        Column("baseline", "text", "setting compared with, if any", may_be_empty=True),
        Column("statistic", "text", "what is judged"),
        Column("value", "number", "of the statistic"),
        Column("low", "number", "lower end of its interval"),
        Column("high", "number", "upper end of its interval"),
        Column("threshold", "number", "what the interval is held against"),
        Column("side", "text", "side that is claimed", words=get_args(Side)),
        Column("n", "integer", "units behind it"),
        Column("unit", "text", "what is counted"),
        Column("p", "number", "p-value, where a difference is judged"),
        Column("p_adjusted", "number", "the same, corrected; of a margin, where one is claimed"),
        Column("seeds", "integer", "trainings behind it; 0 if unknown"),
        Column("verdict", "text", "verdict", words=VERDICTS),
        Column(
            "reason",
            "text",
            "the numbers behind the verdict, or why there is none",
            may_be_empty=True,
        ),
    ),
)
PRIOR_SHIFT = Table(
    STAGE,
    "plots/claims/{name}-prior_shift.csv",
    (
        Column("measure", "text", "measure that the prior moves"),
        Column("sentence", "text", "what the control says"),
    ),
)
