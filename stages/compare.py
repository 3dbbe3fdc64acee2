"""Put all settings of a dataset side by side: tables and figures of paper A."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.experiment import settings
from imbalens.reading.examples import read_cam_examples
from imbalens.reading.metrics import read_compared
from imbalens.reports.common.titles import dataset_title
from imbalens.reports.compare import (
    draw_cam_rows,
    draw_class_figures,
    settings_markdown,
    settings_table,
)
from imbalens.store.files import write_text
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.compare import SETTINGS


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table of settings as CSV and Markdown, and figures; maps of one training each."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    data, metrics = Path(f"data/prepared/{name}.h5"), read_compared(name, params)
    about = read_metadata(data)
    title = dataset_title(name, generated=about.generated)
    table = settings_table(metrics)
    plots, figures = Path("plots/compare"), Path("plots/figures/compare")
    write_table(SETTINGS, name, table)
    write_text(plots / f"{name}.md", settings_markdown(table, dataset=title))
    draw_class_figures(metrics, figures / f"{name}.png", order=about.head_first, dataset=title)
    trainings, having = settings(params, name).values(), set(params.dumps.maps.runs)
    mapped = [next(run for run in of if run in having) for of in trainings if having & set(of)]
    examples, cams = read_cam_examples(name, mapped, params)
    draw_cam_rows(
        examples, cams, figures / f"{name}-cams.png", order=about.head_first, dataset=title
    )


if __name__ == "__main__":
    run_stage(main)
