"""Reads what claims are judged by: results of other stages, and what the parameters ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.claims.cost_sensitive import Comparison
from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.judging import Colours, LdamComparison, RunResults
from imbalens.analysis.claims.ldam import Repeats
from imbalens.analysis.claims.verdicts import Rules
from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.params.experiment import Params, baseline_of, repeats
from imbalens.params.runs import Bce, Ce, Ldam, Run
from imbalens.reading.adversaries import read_shares
from imbalens.store.tables import read_table
from imbalens.tables.adversaries import CLASS_SCORES, ERRORS, NEIGHBOURS
from imbalens.tables.archetypes import ARCHETYPES
from imbalens.tables.differences import DIFFERENCES
from imbalens.tables.feature_overlap import PAIRS
from imbalens.tables.matrices import pair_matrix
from imbalens.tables.performance import CLASSES, CONFUSION
from imbalens.tables.saliency_colours import ALL, COLOURS


def rules_of(params: Params) -> Rules:
    """Return what a verdict asks for."""
    options = params.analyses.claims
    return Rules(
        resampling=Resampling(options.confidence, options.n_resamples, options.seed),
        alpha=1 - params.analyses.compare.confidence,
        margin=options.margin,
        error_margin=options.error_margin,
        min_images=options.min_images,
        min_classes=options.min_classes,
    )


def read_differences(dataset: str) -> list[Difference]:
    """Read what the stage `differences` found, row by row."""
    rows: list[dict[Any, Any]] = read_table(DIFFERENCES, dataset).to_dict("records")
    return [
        Difference(
            class_name=row.pop("class") or None,
            classes=None if (classes := row.pop("classes")) is pd.NA else classes,
            **row,
        )
        for row in rows
    ]


def read_comparisons(dataset: str, params: Params, *, task: str) -> list[Comparison]:
    """Read the differences over all classes of losses that are not plain from their baselines."""
    groups, overall = repeats(params, dataset), {}
    for one in read_differences(dataset):
        if one.class_name is None:
            overall.setdefault(one.run, {})[one.stage, one.measure] = one
    weighted = {run: baseline_of(params, run) for run in groups if not _is_plain(params.runs[run])}
    return [
        Comparison(
            run=run,
            baseline=baseline,
            plain=_is_plain(params.runs[baseline]),
            differences=overall.get(run, {}),
            unmapped=[
                name
                for name in dict.fromkeys((*groups[run], *groups[baseline]))
                if name not in params.dumps.maps.runs
            ],
            classes_exclude=task == "multiclass",
            positives_fixed=params.analyses.labels.decision == "prevalence",
        )
        for run, baseline in weighted.items()
    ]


def read_run(run: str, params: Params) -> RunResults:
    """Read what archetypes, adversaries and colours of a run say."""
    columns = ["count", "true_positives"]
    sums = read_table(ARCHETYPES, run).groupby("archetype")[columns].sum()
    counts = sums.reindex(list(ARCHETYPE_NAMES), fill_value=0)
    scores = read_table(CLASS_SCORES, run)
    errors, neighbours = read_shares(run, (ERRORS, NEIGHBOURS))
    return RunResults(
        run=run,
        archetypes=counts["count"].to_numpy(),
        true_positives=counts["true_positives"].to_numpy(),
        errors=errors,
        neighbours=neighbours,
        kld=scores["kld"].to_numpy(),
        kld_fdr=scores["kld_fdr"].to_numpy(),
        colours=_read_colours(run) if run in params.dumps.saliency.runs else None,
    )


def read_ldam(dataset: str, params: Params) -> list[LdamComparison]:
    """Read predictions and common features of trainings with LDAM and of their baselines."""
    groups, found = repeats(params, dataset), []
    for run in groups:
        if isinstance(params.runs[run].loss, Ldam):
            baseline, classes = baseline_of(params, run), read_table(CLASSES, run)
            names = classes["class"].tolist()
            found.append(
                LdamComparison(
                    plain=_is_plain(params.runs[baseline]),
                    baseline=_read_repeats(groups[baseline], names),
                    ldam=_read_repeats(groups[run], names),
                    train_counts=classes["train_count"].to_numpy(),
                )
            )
    return found


def _is_plain(run: Run) -> bool:
    """Whether the run's loss weighs all classes alike."""
    return isinstance(run.loss, Ce | Bce) and run.drw is None


def _read_colours(run: str) -> Colours:
    table = read_table(COLOURS, run)
    names = sorted(table["class"].unique())
    shares = pair_matrix(
        COLOURS,
        run,
        table[table["archetype"] == ALL],
        "share",
        rows=("class", names),
        columns=("group", COLOUR_GROUPS),
    )
    return Colours(shares, _read_jaccard(run, names))


def _read_repeats(runs: Sequence[str], names: Sequence[str]) -> Repeats:
    """Read trainings that differ in their seed alone; the first gives them their name."""
    confusions = [_read_confusion(run, names) for run in runs]
    jaccards = [_read_jaccard(run, names) for run in runs]
    return Repeats(runs[0], np.stack(confusions), np.stack(jaccards))


def _read_confusion(run: str, names: Sequence[str]) -> Int[np.ndarray, "c c"]:
    return pair_matrix(
        CONFUSION,
        run,
        read_table(CONFUSION, run),
        "count",
        rows=("actual", names),
        columns=("predicted", names),
    ).astype(np.int64)


def _read_jaccard(run: str, names: Sequence[str]) -> Float[np.ndarray, "c c"]:
    """Read the share of top features that classes have in common; 0 on the diagonal."""
    pairs = read_table(PAIRS, run)
    return pair_matrix(
        PAIRS, run, pairs, "jaccard", rows=("class", names), columns=("other", names)
    )
