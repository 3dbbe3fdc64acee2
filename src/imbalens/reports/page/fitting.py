"""Keeps the report below the size that its file may have, and says on it what that cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from imbalens.reports.page.images import keep_within
from imbalens.reports.page.report import describe_dataset, render_report
from imbalens.reports.page.results import DatasetResults

PICTURES = 0.25  # of the limit, for the prototypes of all datasets
TAG = 200  # bytes that a figure's element may have beyond the words that else stand there


def fit_page(
    datasets: Sequence[DatasetResults],
    *,
    versions: Mapping[str, str],
    vega: Sequence[str],
    limit: int,
) -> tuple[str, str]:
    """Render the report with as many pictures as fit.

    Prototypes have a part of the limit, figures what the rest of the page leaves; each figure
    that is left out is named in its place.

    Args:
        datasets: All that was read, per dataset.
        versions: Version by package, of those that wrote the page.
        vega: Scripts of vega, vega-lite and vega-embed.
        limit: Bytes that the file should have at most.

    Returns:
        The page, and a sentence on why it is above the limit, which then stands on it too; ""
        where it is not.
    """
    pictures = int(PICTURES * limit / max(1, len(datasets)))
    fewer = [fit_prototypes(each, limit=pictures) for each in datasets]
    parts = [describe_dataset(each) for each in fewer]

    def render(kept: Sequence[DatasetResults]) -> str:
        shown = [replace(part, results=each) for part, each in zip(parts, kept, strict=True)]
        return render_report(shown, versions=versions, vega=vega)

    size = len(render(fit_figures(fewer, limit=0)).encode())
    excess = ""
    if size > limit:
        excess = (
            f"This page has {size / 1e6:.1f} MB, above the {limit / 1e6:.1f} MB that it should "
            "have, from tables and charts; all figures are left out. Fewer runs or datasets in "
            "params.yaml make it smaller."
        )
        fewer = [replace(each, left_out=[*each.left_out, excess]) for each in fewer]
    tags = 2 * TAG * sum(len(each.figures) for each in fewer)
    return render(fit_figures(fewer, limit=max(0, limit - size - tags))), excess


def fit_figures(datasets: Sequence[DatasetResults], *, limit: int) -> list[DatasetResults]:
    """Leave out figures until the others fit into `limit` characters.

    First those for dark paper, in whose place the others stand, then the others; the largest
    first.
    """
    figures = [item for each in datasets for item in each.figures]
    sources = keep_within([item.source for item in figures], limit=limit)
    left = limit - sum(map(len, sources))
    shown = zip(figures, sources, strict=True)
    darks = keep_within([item.dark if source else "" for item, source in shown], limit=left)
    kept = iter(zip(sources, darks, strict=True))
    return [
        replace(
            each,
            figures=[
                replace(item, source=source, dark=dark)
                for item, (source, dark) in zip(each.figures, kept, strict=False)
            ],
        )
        for each in datasets
    ]


def fit_prototypes(results: DatasetResults, *, limit: int) -> DatasetResults:
    """Leave out prototypes until the pictures of the others fit into `limit` characters.

    One archetype of one run is kept or left out for all classes: first that which comes first
    of all runs, then the next. A picture counts once, however many prototypes show it.
    """
    runs = [run.name for run in results.runs]
    archetypes = list(dict.fromkeys(archetype for _, _, archetype in results.prototypes))
    levels: dict[tuple[int, int], list[tuple[str, str, str]]] = {}
    for key in results.prototypes:
        level = archetypes.index(key[2]), runs.index(key[0])
        levels.setdefault(level, []).append(key)
    held: set[str] = set()
    kept: list[tuple[str, str, str]] = []
    for level in sorted(levels):
        held |= {results.prototypes[key] for key in levels[level]}
        if sum(map(len, held)) > limit:
            break
        kept += levels[level]
    if len(kept) == len(results.prototypes):
        return results
    left_out = (
        f"{len(kept)} of {len(results.prototypes)} prototypes are shown, to keep this file "
        f"small: the archetypes in the order {', '.join(archetypes)}, and of each the first "
        "runs. The others are in the figures of the stage archetypes."
    )
    return replace(
        results,
        prototypes={key: results.prototypes[key] for key in kept},
        unseen=frozenset(results.prototypes) - frozenset(kept),
        left_out=[*results.left_out, left_out],
    )
