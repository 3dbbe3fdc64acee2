"""Reads everything that the report shows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from imbalens.params.experiment import Params, settings
from imbalens.reading import page as reading
from imbalens.reading.examples import read_cam_examples
from imbalens.reports.page.images import encode_examples, thumbnail
from imbalens.reports.page.results import DatasetResults
from imbalens.reports.page.runs import describe_runs
from imbalens.reports.summary.sentences import write_sentences
from imbalens.store.files import read_json
from imbalens.store.prepared import read_images, read_metadata
from imbalens.tables.claims import CLAIMS, PRIOR_SHIFT
from imbalens.tables.differences import DIFFERENCES

TABLE_TITLES = {
    "changes": "What changed from the baseline",
    "changes-adversaries": "Nearest adversaries before and after",
    "changes-flow": "Archetypes before and after",
    "changes-similarity": "Similarity of features, each pair of runs",
}


def read_dataset(name: str, params: Params) -> DatasetResults:
    """Read everything that the report shows of one dataset."""
    data = Path(f"data/prepared/{name}.h5")
    metrics = read_json(
        Path(f"metrics/prepare/{name}.json"),
        command=f"dvc repro prepare@{name}",
        needs=("counts", "images", "classes", "image_size", "imbalance_ratio"),
    )
    about = read_metadata(data)
    runs = describe_runs(name, params)
    names, mapped = [run.name for run in runs], params.dumps.maps.runs
    of_runs, missing = reading.read_run_tables(
        names,
        some={
            "saliency_colours": params.dumps.saliency.runs,
            "cam_alignment": mapped,
            "concepts": mapped,
        },
    )
    prototypes = of_runs.pop("archetypes-prototypes", None)
    tables = reading.read_dataset_tables(name)
    values = tables.pop("compare", None)
    differences = reading.read_optional(DIFFERENCES, name)
    headlines = reading.read_headlines(name)
    claims = reading.read_optional(CLAIMS, name)
    prior_shift = reading.read_optional(PRIOR_SHIFT, name)
    for what, table, stage in (
        ("the answer in words", headlines, "summary"),
        ("the settings side by side", values, f"compare@{name}"),
        ("differences from the baseline", differences, f"differences@{name}"),
        ("verdicts on the papers' claims", claims, f"claims@{name}"),
    ):
        if table is None:
            missing.append((what, f"dvc repro {stage}"))
    return DatasetResults(
        name=name,
        generated=str(metrics.get("generated", "the images")) if about.generated else "",
        facts=reading.read_facts(metrics),
        counts=reading.read_counts(metrics),
        runs=runs,
        confidence=params.analyses.compare.confidence,
        of_runs=of_runs,
        tables={f"{TABLE_TITLES[key]}, {name}": table for key, table in tables.items()},
        settings=values,
        differences=differences,
        sentences=[] if headlines is None else _sentences(headlines),
        headlines=headlines,
        papers=reading.read_papers(name),
        notes=reading.read_notes(Path(f"plots/differences/{name}.md")),
        claims=claims,
        prior_shift=prior_shift,
        figures=reading.find_figures(
            _owners(name, params, of_runs, tables, images=metrics["image_size"] is not None)
        ),
        prototypes={} if prototypes is None else read_prototypes(data, prototypes),
        cams=encode_examples(
            *read_cam_examples(name, [run for run in names if run in mapped], params)
        ),
        missing=missing,
    )


def _owners(
    name: str,
    params: Params,
    of_runs: Mapping[str, pd.DataFrame],
    tables: Iterable[str],
    *,
    images: bool,
) -> dict[str, list[str]]:
    """Return whose figures the page shows, see `page.find_figures`: of what has rows."""
    groups = settings(params, name)
    runs = [run for of in groups.values() for run in of]
    mapped = [of for of in groups.values() if {*of} & {*params.dumps.maps.runs}]
    pairs = [pair for pair, of in params.false_positives.items() if of.baseline in runs]
    owners = {kind: list(table["run"].unique()) for kind, table in of_runs.items()}
    owners |= {kind: [name] for kind in tables}
    owners |= {"claims": [name], "prepare": [name] * images, "false_positives": pairs}
    if len(mapped) > 1:  # the maps of the same images are shown once: side by side, or of each
        owners |= {"compare-cams": [name], "cam_alignment-cams": []}
    return owners


def _sentences(headlines: pd.DataFrame) -> list[str]:
    """Say what differs; of one setting not what was measured, which the page shows as numbers."""
    written = write_sentences(headlines)
    shown = headlines["setting"].nunique() == 1
    return [one.text for one in written if not (shown and one.kind == "measured")]


def read_prototypes(data: Path, table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """Return the image of each prototype as a data URI, by run, class and archetype."""
    chosen = table[table["row"] != ""]
    rows = chosen["row"].astype(int).to_numpy()
    images = read_images(data, "train", rows)
    encoded = {row: thumbnail(image) for row, image in images.items()}
    keys = zip(chosen["run"], chosen["class"], chosen["archetype"], strict=True)
    shown = zip(keys, rows.tolist(), strict=True)
    return {key: encoded[row] for key, row in shown if row in encoded}  # none without images
