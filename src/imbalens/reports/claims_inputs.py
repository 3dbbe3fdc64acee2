"""Reads what other stages left in `plots/` as the arrays that claims are judged by."""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.claims.cost_sensitive import Difference
from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.ldam import Repeats
from imbalens.store.files import read_table

PLOTS = Path("plots")
FIGURES = ["difference", "low", "high", "p", "p_adjusted", "images", "seeds"]


def read_differences(dataset: str) -> dict[str, dict[tuple[str, str], Difference]]:
    """Read the differences over all classes, by run, then by stage and measure."""
    table = _read("differences", dataset)
    found: dict[str, dict[tuple[str, str], Difference]] = {}
    for _, row in table[table["class"] == ""].iterrows():
        value, low, high, p, adjusted, *counts = pd.to_numeric(row[FIGURES]).tolist()
        images, seeds = (0 if np.isnan(count) else int(count) for count in counts)
        difference = Difference(Estimate(value, low, high, images, p), adjusted, seeds)
        found.setdefault(row["run"], {})[row["stage"], row["measure"]] = difference
    return found


def read_archetypes(run: str) -> tuple[Int[np.ndarray, " a"], Int[np.ndarray, " a"]]:
    """Read a run's instances and true positives by archetype, over all classes."""
    columns = ["count", "true_positives"]
    table = _read("archetypes", run).astype(dict.fromkeys(columns, int))
    sums = table.groupby("archetype")[columns].sum().reindex(ARCHETYPE_NAMES, fill_value=0)
    return sums["count"].to_numpy(), sums["true_positives"].to_numpy()


def read_adversaries(run: str) -> tuple[Float[np.ndarray, "c c"], Float[np.ndarray, "c c"]]:
    """Read the distributions of a run's errors and nearest adversaries, by class."""
    table = _read("adversaries", run)
    names = table["class"].unique().tolist()
    errors, neighbours = (
        _square(table[table["kind"] == kind], names, "class", "adversary", "share")
        for kind in ("errors", "neighbours")
    )
    return errors, neighbours


def read_divergences(run: str) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """Read per class how far a run's errors are from nearest adversaries and from FDR (KLD)."""
    table = _read("adversaries", run, "-classes")
    own, fdr = (pd.to_numeric(table[key]).to_numpy(dtype=float) for key in ("kld", "kld_fdr"))
    return own, fdr


def read_colours(run: str) -> tuple[list[str], Float[np.ndarray, "c g"]]:
    """Read the classes of a run and the shares of their salient colours."""
    table = _read("saliency_colours", run)
    salient = table[table["archetype"] == "all"]
    colours = salient.pivot(index="class", columns="group", values="share").apply(pd.to_numeric)
    return list(colours.index), colours.to_numpy(dtype=float)


def read_train_counts(run: str) -> tuple[list[str], Int[np.ndarray, " c"]]:
    """Read the classes of a run and their training images."""
    table = _read("performance", run)
    return table["class"].tolist(), table["train_count"].astype(int).to_numpy()


def read_repeats(runs: tuple[str, ...], names: list[str]) -> Repeats:
    """Read predictions and common features of trainings that differ in their seed alone.

    Args:
        runs: The trainings; the first gives them their name.
        names: Classes, in the order wanted.
    """
    confusions = [
        _square(_read("performance", run, "-confusion"), names, "actual", "predicted", "count")
        for run in runs
    ]
    jaccards = [read_jaccard(run, names) for run in runs]
    return Repeats(runs[0], np.stack(confusions).astype(np.int64), np.stack(jaccards))


def read_jaccard(run: str, names: list[str]) -> Float[np.ndarray, "c c"]:
    """Read the share of top features that classes have in common; 0 on the diagonal."""
    table = _read("feature_overlap", run, "-pairs")
    return _square(table, names, "class", "other", "jaccard")


def _read(stage: str, name: str, suffix: str = "") -> pd.DataFrame:
    return read_table(PLOTS / stage / f"{name}{suffix}.csv", command=f"dvc repro {stage}@{name}")


def _square(
    table: pd.DataFrame, names: list[str], rows: str, columns: str, value: str
) -> Float[np.ndarray, "c c"]:
    """Return a column of a table of pairs as a matrix; the diagonal is 0 where it is absent."""
    wide = table.pivot(index=rows, columns=columns, values=value).reindex(names, columns=names)
    matrix = wide.apply(pd.to_numeric).to_numpy(dtype=np.float64, copy=True)
    absent = np.eye(len(names), dtype=bool) & np.isnan(matrix)
    return np.where(absent, 0.0, matrix)
