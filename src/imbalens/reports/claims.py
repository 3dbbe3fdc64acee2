"""Table and figure of the verdicts on both papers' claims.

Source: the claims, with the section of the paper each is from, in `analysis/claims`.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imbalens.analysis.claims.verdicts import Finding, Verdict
from imbalens.reports.common import palette
from imbalens.reports.common.markdown import escape_markdown, markdown_table
from imbalens.reports.common.names import shorten
from imbalens.reports.common.style import INK, NEUTRAL, add_legend, add_title, quiet, save, say

# colour and marker, so that neither alone has to be told apart; the rest has no interval
SHOWN: Mapping[Verdict, tuple[str, str]] = {
    "holds": (palette.GOOD.light, "o"),
    "does not hold": (palette.BAD.light, "X"),
    "not decided": (palette.UNKNOWN.light, "s"),
}
PANEL_COLUMNS = 3
GREY = (
    "grey off the dashed line: not after correction for many comparisons, or one training of each "
    "loss"
)
NOTES = (
    "A claim holds if the whole interval lies on the claimed side of the threshold, does not hold "
    "if it lies on the other, and is else not decided by these data. It is not applicable where "
    "it says nothing of such a dataset, and not measured where what it is about was not computed.",
    "Intervals are per comparison, not simultaneous. Of paper A, a difference from the baseline "
    "is stated only where its p-value, adjusted for all comparisons of the dataset that are over "
    "all classes, is at most {alpha:.2g} too; that a difference is marginal only where the "
    "p-value of its margin is, adjusted for the number of such claims. What is activated in "
    "addition, and paper B's verdicts, are not adjusted.",
    "Claims about a loss (paper A's, and those about LDAM) are judged once for all its trainings, "
    "against the baseline's, and only where one of both was trained several times: two trainings "
    "of one loss differ too. The other claims of paper B are about one network each, and judged "
    "training by training.",
)


def claims_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """One row per claim and what it is judged on, the rows of a claim together.

    Args:
        findings: Of all claims of a dataset.

    Returns:
        Columns `claim`, `paper`, `section`, `text`, `judged`, `baseline`, `statistic`, `value`,
        `low`, `high`, `threshold`, `side`, `n`, `unit`, `p`, `p_adjusted`, `seeds`, `verdict`,
        `reason`.
    """
    order = {claim: place for place, claim in enumerate(dict.fromkeys(f.claim for f in findings))}
    rows = [
        {
            "claim": finding.claim.id,
            "paper": finding.claim.paper,
            "section": finding.claim.section,
            "text": finding.claim.text,
            "judged": finding.judged,
            "baseline": finding.baseline,
            "statistic": finding.claim.statistic,
            "value": finding.estimate.value,
            "low": finding.estimate.low,
            "high": finding.estimate.high,
            "threshold": finding.threshold,
            "side": finding.claim.side,
            "n": finding.estimate.n,
            "unit": finding.claim.unit,
            "p": finding.estimate.p,
            "p_adjusted": finding.p_adjusted,
            "seeds": finding.seeds,
            "verdict": finding.verdict,
            "reason": finding.reason,
        }
        for finding in sorted(findings, key=lambda finding: order[finding.claim])
    ]
    return pd.DataFrame(rows)


def claims_metrics(findings: Sequence[Finding]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Statistic, interval, threshold, number and verdict by claim and what it is judged on."""
    metrics: dict[str, dict[str, Mapping[str, Any]]] = {}
    for finding in findings:
        metrics.setdefault(finding.claim.id, {})[finding.judged] = {
            "statistic": finding.estimate.value,
            "low": finding.estimate.low,
            "high": finding.estimate.high,
            "threshold": finding.threshold,
            "n": finding.estimate.n,
            "verdict": finding.verdict,
        }
    return metrics


def sentences_table(sentences: Mapping[str, str]) -> pd.DataFrame:
    """One row per measure: whether paper A's effect on it survives at matched scale."""
    return pd.DataFrame(list(sentences.items()), columns=["measure", "sentence"])


def claims_markdown(
    table: pd.DataFrame, *, dataset: str, sentences: Mapping[str, str], alpha: float
) -> str:
    """Return the verdicts as Markdown, one table per paper.

    Args:
        table: As `claims_table` makes it.
        dataset: Name of the dataset, for the title.
        sentences: Whether paper A's effects survive at matched scale, by measure.
        alpha: Adjusted p-value above which a difference is not stated.
    """
    notes = [f"- {note.format(alpha=alpha)}" for note in NOTES]
    lines = [f"# {dataset}: claims of both papers", "", *notes, ""]
    lines += ["## Do paper A's effects survive at matched scale?", ""]
    said = {what: escape_markdown(sentence) for what, sentence in sentences.items()}
    lines += [*(f"- {what}: {sentence}" for what, sentence in said.items()), ""]
    for paper, rows in table.groupby("paper"):
        lines += [f"## Paper {paper}", ""]
        cells = [
            [row["text"], row["section"], row["judged"], row["verdict"], row["reason"]]
            for _, row in rows.iterrows()
        ]
        lines += markdown_table(["claim", "section", "judged on", "verdict", "reason"], cells)
        lines.append("")
    return "\n".join(lines)


def claims_figure(table: pd.DataFrame, *, dataset: str) -> Figure:
    """Build what `draw_claims` writes."""
    shown = table[table["low"].notna()]
    claims = list(shown["claim"].unique())
    n_absent = table["claim"].nunique() - len(claims)
    note = (
        f"{n_absent} of {n_absent + len(claims)} claims have no interval here" if n_absent else ""
    )
    most = int(shown["claim"].value_counts().max()) if claims else 1
    rows = max(1, ceil(len(claims) / PANEL_COLUMNS))
    figure = Figure(figsize=(15, rows * (0.24 * most + 1.25) + 1.4), layout="constrained")
    add_title(figure, f"Claims of both papers · {dataset}", GREY, note)
    if not claims:
        say(figure.subplots(), "no claim has an interval")
        return figure
    panels = figure.subplots(rows, PANEL_COLUMNS, squeeze=False).ravel()
    for axes, claim in zip(panels, claims, strict=False):
        _draw_intervals(axes, shown[shown["claim"] == claim])
    for axes in panels[len(claims) :]:
        axes.set_axis_off()
    entries: dict[str, Line2D] = {
        verdict: Line2D([], [], color=colour, marker=marker)
        for verdict, (colour, marker) in SHOWN.items()
    }
    side = Line2D([], [], color=NEUTRAL, lw=8)
    entries["claimed side of the threshold (dashed)"] = side
    add_legend(figure, entries, loc="outside lower center", ncols=4)
    return figure


def draw_claims(table: pd.DataFrame, path: Path, *, dataset: str) -> None:
    """Draw the intervals of each claim, a line per setting or run, against its threshold.

    Args:
        table: As `claims_table` makes it; claims without any interval are counted in the title.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
    """
    save(claims_figure(table, dataset=dataset), path)


def _draw_intervals(axes: Axes, rows: pd.DataFrame) -> None:
    first = rows.iloc[0]
    threshold, side = float(first["threshold"]), first["side"]
    ends = [-threshold, threshold] if side == "within" else [threshold]
    reach = [*ends, float(rows["low"].min()), float(rows["high"].max())]
    pad = 0.06 * (max(reach) - min(reach)) or 0.5
    left, right = min(reach) - pad, max(reach) + pad
    start = ends[0] if side in ("above", "within") else left
    stop = ends[-1] if side in ("below", "within") else right
    axes.axvspan(start, stop, color=NEUTRAL, alpha=0.45, lw=0)
    for end in ends:
        axes.axvline(end, color=INK, lw=0.9, ls="--")
    for place, (_, row) in enumerate(rows.iterrows()):
        colour, marker = SHOWN[row["verdict"]]
        axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.8)
        axes.plot(row["value"], place, color=colour, marker=marker, ms=6)
    axes.set_xlim(left, right)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    names = shorten(rows["judged"], width=30)
    axes.set_yticks(range(len(rows)), [names[name] for name in rows["judged"]], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("\n".join(wrap(first["statistic"], 56)), fontsize=8)
    source = f"({first['paper']},\u00a0{first['section'].split(',')[0]})"  # stays on one line
    axes.set_title("\n".join(wrap(f"{first['text']} {source}", 48)), fontsize=9)
    quiet(axes)
