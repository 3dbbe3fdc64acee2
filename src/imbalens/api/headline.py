"""The main figures of an analysis, in a few lines."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from imbalens.api.outputs import Outputs
from imbalens.errors import escape
from imbalens.reports.common.not_applicable import is_applicable
from imbalens.reports.common.tables import head_first

SUSPECTS = 3  # labels in doubt that are named
MAX_NAME = 40  # characters of a name


def write_headline(
    given: Outputs, metrics: Mapping[str, Mapping[str, Any]], candidates: pd.DataFrame
) -> tuple[str, ...]:
    """Say what was found.

    Args:
        given: What it was found in.
        metrics: By question.
        candidates: Labels in doubt, the most suspicious first.
    """
    n_evaluated = len(given.evaluation.index)
    other = f", {n_evaluated:,} {given.split}" if n_evaluated else ""
    order, counts = head_first(given.class_counts), given.class_counts
    largest, smallest = (f"{counts[place]:,}" for place in (order[0], order[-1]))
    lines = [
        f"images: {len(given.train.index):,} training{other}; "
        f"{len(given.class_names)} classes of {largest} to {smallest} training images",
        *_performance(metrics["performance"]),
        _archetypes(given, metrics["archetypes"]["class_share"]),
        *_suspects(metrics["explore"], candidates),
    ]
    left_out: dict[str, list[str]] = {}
    for question, found in metrics.items():
        if not is_applicable(found):
            left_out.setdefault(found["reason"], []).append(question)
    lines += [f"left out: {', '.join(which)}, for {why}" for why, which in left_out.items()]
    return tuple(map(escape, lines))


def _performance(found: Mapping[str, Any]) -> list[str]:
    if not is_applicable(found):
        return []
    if "accuracy" in found:
        return [
            f"accuracy: {_number(found['accuracy'])}, "
            f"balanced: {_number(found['balanced_accuracy'])}"
        ]
    return [
        f"mean AUROC: {_number(found['auroc'])}, over {found['classes']['auroc']} "
        f"of {len(found['class'])} labels"
    ]


def _archetypes(given: Outputs, shares: Mapping[str, Mapping[str, float]]) -> str:
    counts = given.class_counts
    order = head_first(counts)
    order = [place for place in order if counts[place]] or order

    def of_class(place: int) -> tuple[str, str]:
        name = given.class_names[place]
        own = [shares[name][kind] for kind in ("rare", "outlier")]
        share = "no image" if None in own else f"{100 * sum(own):.1f} %"
        return share, f"({_short(name)}, {counts[place]:,} images)"

    (head, largest), (tail, smallest) = of_class(order[0]), of_class(order[-1])
    return (
        f"rare or outlier: {head} of the largest class {largest}, "
        f"{tail} of the smallest {smallest}"
    )


def _suspects(found: Mapping[str, Any], candidates: pd.DataFrame) -> list[str]:
    (own,) = found["run"].values()
    first = [
        f"{_short(row['name'] or 'row ' + str(row['index']))} "
        f"({_short(row['given'])}, rather {_short(row['suggested'])})"
        for row in candidates.head(SUSPECTS).to_dict("records")
    ]
    listed = f", first: {', '.join(first)}" if first else ""
    return [f"labels in doubt: {own['candidates']}{listed}"]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"...{name[-MAX_NAME:]}"
