"""What the papers say: verdicts on their claims, and their tables filled with what was measured.

What says nothing of a dataset, or was not measured on it, has no row; the latter is named.
"""

from collections.abc import Mapping

import pandas as pd

from imbalens.analysis.claims.verdicts import VERDICTS
from imbalens.reports.page.results import DatasetResults
from imbalens.reports.page.section import Section, anchor
from imbalens.reports.page.tables import make_table, paper_texts, with_interval

NOT_APPLICABLE, NOT_MEASURED = VERDICTS[-2:]
ABOUT = (
    "Judged by the whole interval. Not decided: the interval lies on both sides of the threshold, "
    "a difference is no more than chance after correction for the number of comparisons, or each "
    "loss was trained once, which tells of two networks and not of their losses."
)


def claims_section(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    """Return the verdicts on claims that apply and were measured, None where there are none."""
    if results.claims is None:
        return None
    applied = results.claims[results.claims["verdict"] != NOT_APPLICABLE]
    judged = applied[applied["verdict"] != NOT_MEASURED]
    if judged.empty:
        return None
    of_trainings = judged["judged"].isin([run.name for run in results.runs])
    tables = [
        make_table(
            _verdicts(rows, marks),
            caption=f"Verdicts about {what}, {results.name}",
            marks=marks,
            verdicts=True,
        )
        for what, rows in (
            ("losses", judged[~of_trainings]),
            ("single trainings", judged[of_trainings]),
        )
        if not rows.empty
    ]
    controls = results.prior_shift
    if controls is not None:
        controls = controls[~controls["sentence"].str.startswith(NOT_MEASURED)]
        if not controls.empty:
            caption = f"Do paper A's effects survive at matched scale? {results.name}"
            named = controls.rename(columns={"sentence": "what was found"})
            tables.append(make_table(named, caption=caption, marks=marks))
    details = judged.drop(columns=["claim", "paper", "section"]).rename(columns={"text": "claim"})
    counts = judged["verdict"].value_counts()
    return Section(
        "Claims of the papers",
        anchor(results, "claims"),
        hint=", ".join(f"{word}: {counts[word]}" for word in VERDICTS if word in counts),
        text=ABOUT,
        notes=_unmeasured(applied),
        tables=tables,
        stages=("claims",),
        closed=[
            make_table(
                with_interval(details.loc[:, (details != "").any(axis=0)]),
                caption=f"Statistics behind the verdicts, {results.name}",
                marks=marks,
                verdicts=True,
            )
        ],
    )


def _verdicts(rows: pd.DataFrame, marks: Mapping[str, int]) -> pd.DataFrame:
    """Return a row per claim, and a column for what it is judged on."""
    about = rows.drop_duplicates("claim").set_index("claim")
    each = rows.drop_duplicates(["claim", "judged"])
    verdicts = each.pivot(index="claim", columns="judged", values="verdict").fillna("")
    ordered = [name for name in marks if name in verdicts]
    verdicts = verdicts[[*ordered, *verdicts.columns.difference(ordered)]]
    text = about["text"].rename("what the paper says")
    # a run may be called as one of the other columns
    return pd.concat([text, verdicts.reindex(about.index), about[["paper", "section"]]], axis=1)


def _unmeasured(applied: pd.DataFrame) -> list[str]:
    """Return a sentence per reason why claims were not measured on anything."""
    measured = applied["claim"][applied["verdict"] != NOT_MEASURED]
    reasons: dict[tuple[str, ...], list[str]] = {}
    for text, rows in applied[~applied["claim"].isin(measured)].groupby("text", sort=False):
        reasons.setdefault(tuple(rows["reason"].unique()), []).append(str(text))
    return [
        f"Not measured: {'; '.join(texts)}. {first}".rstrip()
        + (f" So it is of {len(others)} more." if others else "")
        for (first, *others), texts in reasons.items()
    ]


def tables_section(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    """Return the papers' tables that have rows, None where there are none."""
    filled = [table for table in results.papers if table.rows]
    if not filled:
        return None
    return Section(
        "Tables of the papers",
        anchor(results, "tables"),
        hint="filled with what was measured here",
        notes=[f"{table.title}: {table.text}" for table in filled if table.text],
        tables=[
            make_table(paper_texts(table), caption=f"{table.title}, {results.name}", marks=marks)
            for table in filled
        ],
    )
