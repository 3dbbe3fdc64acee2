"""Reads what claims are judged by: results of other stages, and what the parameters ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.claims.added_activation import Added
from imbalens.analysis.claims.adversary_prediction import LOG_LOSS_NAME, Foretold
from imbalens.analysis.claims.cost_sensitive import Comparison
from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.judging import Colours, RunResults
from imbalens.analysis.claims.ldam import LdamComparison, PredictionPairs
from imbalens.analysis.claims.verdicts import Rules
from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.errors import InputError
from imbalens.params.experiment import Params, baseline_of, settings
from imbalens.params.runs import Bce, Ce, Ldam, Run
from imbalens.reading.adversaries import read_shares
from imbalens.store.tables import read_table
from imbalens.tables.adversaries import CLASS_SCORES, ERRORS, NEIGHBOURS
from imbalens.tables.archetypes import ARCHETYPES
from imbalens.tables.changes import ACTIVATION, PREDICTIONS
from imbalens.tables.differences import DIFFERENCES
from imbalens.tables.feature_overlap import PAIRS
from imbalens.tables.matrices import pair_matrix
from imbalens.tables.performance import CLASSES
from imbalens.tables.saliency_colours import ALL, COLOURS


def rules_of(params: Params) -> Rules:
    """Return what a verdict asks for."""
    options = params.analyses.claims
    return Rules(
        resampling=Resampling(options.confidence, options.n_resamples, options.seed),
        alpha=1 - params.analyses.compare.confidence,
        margin=options.margin,
        score_margin=options.score_margin,
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


def read_comparisons(
    dataset: str, params: Params, *, task: str, trained: bool
) -> list[Comparison]:
    """Read the differences over all classes of losses that are not plain from their baselines.

    Args:
        dataset: The dataset.
        params: All parameters.
        task: Its task.
        trained: Whether it has training images; without, labels are decided at half, whatever was
            asked for.
    """
    groups, overall = settings(params, dataset), {}
    for one in read_differences(dataset):
        if one.class_name is None:
            overall.setdefault(one.setting, {})[one.stage, one.measure] = one
    first = {setting: params.runs[runs[0]] for setting, runs in groups.items()}
    weighted = {
        setting: baseline_of(params, groups[setting][0])
        for setting, run in first.items()
        if not _is_plain(run)
    }
    activation = read_table(ACTIVATION, dataset)
    return [
        Comparison(
            setting=setting,
            baseline=baseline,
            plain=_is_plain(first[baseline]),
            differences=overall.get(setting, {}),
            added=_read_added(activation, groups[setting], groups[baseline]),
            unmapped=[
                name
                for name in dict.fromkeys((*groups[setting], *groups[baseline]))
                if name not in params.dumps.maps.runs
            ],
            classes_exclude=task == "multiclass",
            positives_fixed=params.analyses.labels.decision == "prevalence" and trained,
        )
        for setting, baseline in weighted.items()
    ]


def _read_added(
    table: pd.DataFrame, runs: Sequence[str], baselines: Sequence[str]
) -> list[list[Added]]:
    """Return what each training adds to each of its baseline's; nothing if some lack."""
    found = dict(list(table.groupby(["run", "baseline"], sort=False)))
    pairs = [[(run, base) for base in baselines] for run in runs]
    if not all(sides in found for row in pairs for sides in row):
        return []
    return [
        [
            Added(
                total=found[sides]["total"].to_numpy(),
                inside=found[sides]["inside"].to_numpy(),
                elsewhere=found[sides]["elsewhere"].to_numpy(),
                image=found[sides]["row"].to_numpy(),
                patient=found[sides]["patient"].to_numpy(),
            )
            for sides in row
        ]
        for row in pairs
    ]


def read_run(run: str, params: Params) -> RunResults:
    """Read what archetypes, adversaries and colours of a run say."""
    table, scores = read_table(ARCHETYPES, run), read_table(CLASS_SCORES, run)
    # without features or predictions of training images; a table that was cut is no such
    if scores.empty and table["true_positives"].isna().all():
        return RunResults(run, None, None, None, None)
    rows, columns = ("class", scores["class"].tolist()), ("archetype", ARCHETYPE_NAMES)
    counts, true_positives = (
        pair_matrix(ARCHETYPES, run, table, column, rows=rows, columns=columns).sum(axis=0)
        for column in ("count", "true_positives")
    )
    return RunResults(
        run=run,
        archetypes=counts.astype(np.int64),
        true_positives=true_positives.astype(np.int64),
        foretold=_read_foretold(run, scores),
        colours=_read_colours(run, scores["class"].tolist())
        if run in params.dumps.saliency.runs
        else None,
    )


def _read_foretold(run: str, scores: pd.DataFrame) -> Foretold:
    names = scores["class"].tolist()
    errors, neighbours = read_shares(run, (ERRORS, NEIGHBOURS), names)
    (smoothed,) = read_shares(run, (NEIGHBOURS,), names, column="smoothed")
    return Foretold(
        errors=errors,
        weights=scores["errors"].to_numpy(),
        neighbours=neighbours,
        smoothed=smoothed,
        score=scores["log_loss"].to_numpy(),
        score_fdr=scores["log_loss_fdr"].to_numpy(),
        score_name=LOG_LOSS_NAME,
    )


def read_ldam(dataset: str, params: Params) -> list[LdamComparison]:
    """Read predictions and common features of trainings with LDAM and of their baselines."""
    groups, found = settings(params, dataset), []
    for setting, (run, *_) in groups.items():
        if isinstance(params.runs[run].loss, Ldam):
            baseline, classes = baseline_of(params, run), read_table(CLASSES, run)
            names, counts = classes["class"].tolist(), classes["train_count"].to_numpy()
            if not _is_measured([*groups[setting], *groups[baseline]]):
                plain = _is_plain(params.runs[groups[baseline][0]])
                found.append(_unmeasured(setting, baseline, plain=plain))
                continue
            jaccards = {
                side: np.stack([_read_jaccard(one, names) for one in groups[side]])
                for side in (setting, baseline)
            }
            found.append(
                LdamComparison(
                    setting=setting,
                    baseline=baseline,
                    plain=_is_plain(params.runs[groups[baseline][0]]),
                    predictions=_read_predictions(
                        dataset, groups[setting], groups[baseline], names=names
                    ),
                    jaccards=jaccards[setting],
                    baseline_jaccards=jaccards[baseline],
                    train_counts=counts,
                )
            )
    return found


def _is_measured(runs: Sequence[str]) -> bool:
    """Tell whether runs have predictions, and features of training images."""
    return not any(read_table(table, run).empty for table in (CLASSES, PAIRS) for run in runs)


def _unmeasured(setting: str, baseline: str, *, plain: bool) -> LdamComparison:
    none = np.empty((0, 0, 0))
    return LdamComparison(
        setting=setting,
        baseline=baseline,
        plain=plain,
        predictions=[],
        jaccards=none,
        baseline_jaccards=none,
        train_counts=np.empty(0, dtype=np.int64),
        measured=False,
    )


def _read_predictions(
    dataset: str, runs: Sequence[str], baselines: Sequence[str], *, names: Sequence[str]
) -> list[list[PredictionPairs]]:
    table = read_table(PREDICTIONS, dataset)
    place = {name: code for code, name in enumerate(names)}
    columns = ["class", "predicted_baseline", "predicted"]
    known = table[columns].isin(list(place))
    if not known.all(axis=None):
        unknown = table[columns].where(~known).stack().iloc[0]
        raise InputError(
            f"{PREDICTIONS.path_of(dataset)}: found class {unknown!r}; allowed: "
            f"{', '.join(names)}; run: {PREDICTIONS.command(dataset)}"
        )
    codes = np.column_stack([table[column].map(place) for column in columns]).astype(int)
    counts = table["count"].to_numpy()
    sides = list(zip(table["run"], table["baseline"], strict=True))
    rows = {pair: np.array([one == pair for one in sides]) for pair in dict.fromkeys(sides)}

    def pairs(run: str, base: str) -> PredictionPairs:
        if (run, base) not in rows:
            raise InputError(
                f"{PREDICTIONS.path_of(dataset)}: found no rows of {run} beside {base}; "
                f"run: {PREDICTIONS.command(dataset)}"
            )
        chosen = rows[run, base]
        actual, before, after = codes[chosen].T
        return PredictionPairs(actual, before, after, counts[chosen])

    return [[pairs(run, base) for base in baselines] for run in runs]


def _is_plain(run: Run) -> bool:
    """Whether the run's loss weighs all classes alike."""
    return isinstance(run.loss, Ce | Bce) and run.drw is None


def _read_colours(run: str, names: Sequence[str]) -> Colours:
    table, names = read_table(COLOURS, run), sorted(names)
    shares = pair_matrix(
        COLOURS,
        run,
        table[table["archetype"] == ALL],
        "share",
        rows=("class", names),
        columns=("group", COLOUR_GROUPS),
    )
    return Colours(shares, _read_jaccard(run, names))


def _read_jaccard(run: str, names: Sequence[str]) -> Float[np.ndarray, "c c"]:
    """Read the share of top features that classes have in common; 0 on the diagonal."""
    pairs = read_table(PAIRS, run)
    return pair_matrix(
        PAIRS, run, pairs, "jaccard", rows=("class", names), columns=("other", names)
    )
