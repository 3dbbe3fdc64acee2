"""Compare every measure of a dataset's settings with their baselines, by paired bootstrap."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.differences.differences import differences
from imbalens.not_applicable import empty_where_not_applicable
from imbalens.params.experiment import baselines_of, settings
from imbalens.reading import differences as reading
from imbalens.reports.differences import differences as reports
from imbalens.reports.differences.paper_layout import paper_frame, paper_json, papers_markdown
from imbalens.reports.differences.paper_tables import paper_tables
from imbalens.reports.differences.seeds import seeds_metrics, seeds_table
from imbalens.store.files import write_json, write_text
from imbalens.store.tables import write_table
from imbalens.tables.differences import DIFFERENCES, PAPER_TABLES, SEEDS, TABLES, TEXTS


@empty_where_not_applicable(TABLES, "", texts=TEXTS)
def main(argv: Sequence[str] | None = None) -> None:
    """Write the differences as metrics, CSV, the papers' tables and a figure."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    options, groups = params.analyses.compare, settings(params, name)
    found = differences(
        {one: (reading.read_training(run, params) for run in of) for one, of in groups.items()},
        *(baselines_of(params, name), reading.read_images(name, params)),
        *(reading.definitions_of(params), reading.splits_of(name, params)),
        confidence=options.confidence,
        n_resamples=options.n_resamples,
        seed=options.seed,
    )
    setups = {one: reading.read_setup(runs[0], params) for one, runs in groups.items()}
    title, notes = reading.describe(name, params)
    papers = paper_tables(name, found, setups, errors=params.analyses.adversaries.errors)
    seeds = seeds_table(found.measured, reading.seeds_of(name, params))
    plots, metrics = Path("plots/differences"), reports.differences_metrics(found.differences)
    write_json(Path(f"metrics/differences/{name}.json"), metrics | seeds_metrics(seeds))
    write_table(SEEDS, name, seeds)
    write_table(DIFFERENCES, name, reports.differences_table(found.differences))
    for laid_out in papers:
        write_table(PAPER_TABLES[laid_out.name], name, paper_frame(laid_out))
    write_json(plots / f"{name}-tables.json", paper_json(papers))
    write_text(plots / f"{name}.md", papers_markdown(papers, dataset=title, notes=notes))
    reports.draw_differences(found, Path(f"plots/figures/differences/{name}.png"), dataset=title)


if __name__ == "__main__":
    run_stage(main)
