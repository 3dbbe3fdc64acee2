"""Make the page to look at a dataset's images with, and list labels that may be wrong."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.not_applicable import empty_where_not_applicable
from imbalens.reading import explore as reading
from imbalens.reading.cams import read_cams
from imbalens.reports.explore import page as report
from imbalens.reports.explore.pictures import select_of_runs
from imbalens.store.files import write_json, write_text
from imbalens.store.tables import write_table
from imbalens.tables.explore import CANDIDATES

PAGE = "plots/explore/{name}.html"


@empty_where_not_applicable((CANDIDATES,), texts={PAGE: report.NOT_APPLICABLE})
def main(argv: Sequence[str] | None = None) -> None:
    """Write the page, the table of candidates and the metrics."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    options, looks = params.analyses.explore, reading.look_at_runs(name, params)
    parts = report.run_parts(looks, *reading.read_labels(name)) if looks else {}
    write_json(Path(f"metrics/explore/{name}.json"), report.explore_metrics(parts))
    write_table(CANDIDATES, name, report.all_candidates(parts))
    page = report.render_without_runs(name)
    if looks:
        selection = select_of_runs(
            list(looks.values()),
            n_train=options.train_images,
            n_pictured=options.neighbor_images,
            seed=options.seed,
        )
        page = report.render_explore(
            reading.describe(name, params),
            reading.choose_first_view(looks, name, params),
            selection,
            reading.read_pictures(name, selection, params),
            parts,
            read_cams(name, selection, params),
        )
    write_text(Path(f"plots/explore/{name}.html"), page)


if __name__ == "__main__":
    run_stage(main)
