"""How results say that a question cannot be asked of what is given."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.figure import Figure

from imbalens.reports.common.style import save, say

STATUS = "not applicable"


def not_applicable(reason: str) -> dict[str, Any]:
    """Return the metrics of what cannot be asked.

    Args:
        reason: What there is not.
    """
    return {"status": STATUS, "reason": reason}


def is_applicable(metrics: Mapping[str, Any]) -> bool:
    """Tell whether metrics are those of what could be asked."""
    return metrics.get("status") != STATUS


def draw_reason(reason: str, path: Path) -> None:
    """Write a figure that says why there is none.

    Args:
        reason: What there is not.
        path: PNG to write.
    """
    figure = Figure(figsize=(7, 1.6))
    say(figure.subplots(), "\n".join(wrap(f"Not applicable: {reason}.", 80)))
    save(figure, path)
