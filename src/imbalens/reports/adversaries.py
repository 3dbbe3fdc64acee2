"""Figures of the nearest adversaries: errors beside neighbours, and how well they predict."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from imbalens.analysis.adversaries.adversaries import FDR, NEAREST, RANDOM, Adversaries
from imbalens.analysis.adversaries.scores import PredictorScore
from imbalens.reports.common import palette
from imbalens.reports.common.names import shorten
from imbalens.reports.common.palette import MAX_CLASSES, class_colours
from imbalens.reports.common.style import (
    FIRST,
    INK,
    NEUTRAL,
    add_legend,
    add_title,
    head_and_tail,
    quiet,
    save,
    write_on,
)
from imbalens.reports.common.tables import head_first, matrix_table
from imbalens.tables.adversaries import ERRORS, NEIGHBOURS

REST = "other classes"
DIRECTIONS = {
    "by_actual": "where the errors of the class go",
    "by_predicted": "which classes are taken for the class",
}
MAX_SHOWN = 30  # classes
CHARACTERS = 0.6  # of a name that fit into one per cent of a bar


def adversary_metrics(found: Adversaries, names: Sequence[str]) -> dict[str, object]:
    """Summarise how well errors are foretold: by nearest adversaries, and by other predictors.

    Log loss and KLD are in nats, the Jensen-Shannon divergence is in bits. `undefined` says why
    means over classes are, where they are.
    """
    own = found.scores[NEAREST]
    others = {name: score for name, score in found.scores.items() if name != NEAREST}
    return {
        **({"undefined": found.undefined} if found.undefined else {}),
        "log_loss": own.log_loss,
        "jensen_shannon": own.jensen_shannon,
        "kld": own.kld,
        "kld_unforeseen": own.kld_unforeseen,
        "rank_correlation": own.rank_correlation,
        "top1": own.top1,
        "top3": own.top3,
        "classes": own.n_classes,
        "baseline_log_loss": {name: score.log_loss for name, score in others.items()},
        "baseline_jensen_shannon": {name: score.jensen_shannon for name, score in others.items()},
        "baseline_kld": {name: score.kld for name, score in others.items()},
        "class_log_loss": dict(zip(names, own.log_loss_per_class, strict=True)),
        "class_kld": dict(zip(names, own.kld_per_class, strict=True)),
        "class_instances": dict(zip(names, found.nearest.n_instances, strict=True)),
        "class_errors": dict(zip(names, found.errors.n_instances, strict=True)),
    }


def share_table(
    found: Adversaries, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per distribution and ordered pair of different classes: the share, and smoothed."""
    shares = {
        ERRORS: {"share": found.errors.share, "smoothed": np.full_like(found.errors.share, np.nan)}
    }
    for kind, name in ((NEIGHBOURS, NEAREST), (FDR, FDR), (RANDOM, RANDOM)):
        predicted = found.predictors[name]
        shares[kind] = {"share": predicted.share, "smoothed": predicted.smoothed}
    pairs = pd.concat(
        matrix_table(both, names, counts, rows="class", columns="adversary").assign(kind=kind)
        for kind, both in shares.items()
    )
    return pairs[pairs["class"] != pairs["adversary"]]


def predictor_table(scores: Mapping[str, PredictorScore]) -> pd.DataFrame:
    """One row per predictor of errors: its scores, and of how many classes they are."""
    return pd.DataFrame(
        [
            {
                "predictor": name,
                "log_loss": score.log_loss,
                "jensen_shannon": score.jensen_shannon,
                "kld": score.kld,
                "kld_unforeseen": score.kld_unforeseen,
                "rank_correlation": score.rank_correlation,
                "top1": score.top1,
                "top3": score.top3,
                "classes": score.n_classes,
            }
            for name, score in scores.items()
        ]
    )


def class_score_table(
    found: Adversaries, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class: how well it was foretold, and from how many instances and errors."""
    score, fdr, random = (found.scores[name] for name in (NEAREST, FDR, RANDOM))
    table = pd.DataFrame(
        {
            "class": names,
            "log_loss": score.log_loss_per_class,
            "log_loss_fdr": fdr.log_loss_per_class,
            "log_loss_random": random.log_loss_per_class,
            "kld": score.kld_per_class,
            "kld_fdr": fdr.kld_per_class,
            "rank_correlation": score.rank_correlation_per_class,
            "top1": score.top1_per_class,
            "top3": score.top3_per_class,
            "instances": found.nearest.n_instances,
            "errors": found.errors.n_instances,
        }
    )
    return table.iloc[head_first(counts)]


def adversaries_figure(table: pd.DataFrame, *, run: str, errors_by: str, split: str) -> Figure:
    """Build what `draw_adversaries` writes."""
    both = table[table["kind"].isin([ERRORS, NEIGHBOURS])].astype({"share": float})
    errors, neighbours = (both[both["kind"] == kind] for kind in (ERRORS, NEIGHBOURS))
    everything = list(both["class"].unique())
    classes, note = head_and_tail(everything) if len(everything) > MAX_SHOWN else (everything, "")
    coloured = _coloured(both[both["class"].isin(classes)], everything)
    shades = class_colours(coloured)
    colours = {name: shade.light for name, shade in shades.items()} | {REST: NEUTRAL}
    names = shorten([*everything, *coloured])
    figure = Figure(figsize=(13, 0.42 * len(classes) + 2.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_shares(left, errors, classes, colours, names, absent="no errors")
    _draw_shares(right, neighbours, classes, colours, names, absent="no neighbours selected")
    left.set_title(f"(a) {DIRECTIONS[errors_by]} ({split} images)")
    right.set_title("(b) its nearest adversaries (training)")
    left.set_yticks(range(len(classes)), [names[name] for name in classes])
    left.set_ylim(len(classes) - 0.5, -0.5)
    left.set_ylabel("reference class, head to tail")
    pooled = len(coloured) < len(everything)
    entries = {names[name]: Patch(color=colours[name]) for name in coloured}
    if pooled:
        entries[REST] = Patch(color=NEUTRAL)
    add_legend(figure, entries, loc="outside right center", title="adversary, head to tail")
    add_title(figure, f"Errors and nearest adversaries · {run}", note)
    return figure


def draw_adversaries(
    table: pd.DataFrame, path: Path, *, run: str, errors_by: str, split: str
) -> None:
    """Draw where each class's errors go beside the classes of its neighbours.

    Args:
        table: Columns `class` (every class, head first), `adversary`, `share` (0 to 1 within a
            class; NaN, or no row, where a class has none), `kind` (rows `errors` and `neighbours`
            are drawn).
        path: PNG to write.
        run: Name of the run, for the title.
        errors_by: "by_actual" or "by_predicted", see `error_distribution`.
        split: Split that the errors were made on.

    Source: paper B, Figure 4.
    """
    save(adversaries_figure(table, run=run, errors_by=errors_by, split=split), path)


def _coloured(table: pd.DataFrame, classes: list[str]) -> list[str]:
    """Choose the adversaries with a colour of their own, head first: those that weigh most."""
    adversaries = [*dict.fromkeys([*classes, *table["adversary"].unique()])]
    if len(adversaries) <= MAX_CLASSES:
        return adversaries
    weight = table.groupby("adversary")["share"].sum().reindex(adversaries, fill_value=0.0)
    heaviest = set(weight.sort_values(ascending=False, kind="stable").index[:MAX_CLASSES])
    return [name for name in adversaries if name in heaviest]


def _draw_shares(
    axes: Axes,
    table: pd.DataFrame,
    classes: list[str],
    colours: dict[str, str],
    shown: dict[str, str],
    *,
    absent: str,
) -> None:
    known = table[table["share"] > 0]
    for place, name in enumerate(classes):
        part = known[known["class"] == name]
        if part.empty:
            axes.text(1, place, absent, va="center", color=palette.FAINT.light, style="italic")
            continue
        names = part["adversary"].where(part["adversary"].isin(list(colours)), REST)
        shares = 100 * part["share"].groupby(names).sum()
        start = 0.0
        for adversary, colour in colours.items():
            if adversary not in shares.index:
                continue
            share = float(shares[adversary])
            edge = palette.PAPER.light
            axes.barh(place, share, 0.78, left=start, color=colour, edgecolor=edge, lw=0.5)
            text = shown.get(adversary, REST)
            if adversary != REST and len(text) <= CHARACTERS * share:
                write_on(axes, start + share / 2, place, text, colour, size=7)
            start += share
    axes.set_xlim(0, 100)
    axes.set_xlabel("share, %")
    quiet(axes)


def predictors_figure(table: pd.DataFrame, *, run: str, undefined: str) -> Figure:
    """Build what `draw_predictors` writes."""
    names = list(table["predictor"])
    measures = (
        ("log_loss", "log loss per error\n(lower is better)"),
        ("jensen_shannon", "Jensen-Shannon, bits\n(lower is better)"),
        ("kld", "KLD\n(lower is better)"),
        ("rank_correlation", "rank correlation\n(higher is better)"),
        ("top1", "top-1 hit rate\n(higher is better)"),
    )
    figure = Figure(figsize=(12, 0.4 * len(names) + 1.8), layout="constrained")
    panels = figure.subplots(1, len(measures), sharey=True)
    for axes, (column, title) in zip(panels, measures, strict=True):
        values = table[column].to_numpy(dtype=float)
        axes.barh(range(len(names)), np.nan_to_num(values), color=FIRST)
        axes.axvline(0, color=INK, lw=0.8)
        for place, value in enumerate(values):
            text = " none" if np.isnan(value) else f" {value:.3g}"
            axes.text(max(0.0, np.nan_to_num(value)), place, text, va="center", fontsize=8)
        axes.set_title(title, fontsize=10)
        if np.isnan(values).all():
            axes.set_xticks([])
        axes.margins(x=0.2)
        quiet(axes)
    labels = [f"{name} ({count})" for name, count in zip(names, table["classes"], strict=True)]
    panels[0].set_yticks(range(len(names)), labels)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    panels[0].set_ylabel("predictor (classes compared)")
    why = f"undefined: {undefined}" if undefined else ""
    add_title(figure, f"What foretells the errors · {run}", why)
    return figure


def draw_predictors(table: pd.DataFrame, path: Path, *, run: str, undefined: str) -> None:
    """Draw how close each predictor comes to the distribution of the errors.

    Args:
        table: One row per predictor, in the order to draw: columns `predictor`, `log_loss`,
            `kld` (nats), `jensen_shannon` (bits), `rank_correlation`, `top1` (0 to 1), `classes`
            (how many were compared); an undefined number is NaN and drawn as "none".
        path: PNG to write.
        run: Name of the run, for the title.
        undefined: Why means over classes are not given; empty if they are.

    Source: paper B, Table 2, with more baselines.
    """
    save(predictors_figure(table, run=run, undefined=undefined), path)
