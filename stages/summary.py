"""Write the headlines of all datasets, and what they say, to one place."""

from imbalens.stage import run_stage
import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.summary import read_summaries
from imbalens.reports.summary.table import summary_markdown, summary_metrics
from imbalens.store.files import write_json, write_text
from imbalens.store.tables import write_table
from imbalens.tables.summary import SUMMARY


def main(argv: Sequence[str] | None = None) -> None:
    """Write the summary as metrics, CSV and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    datasets = list(dict.fromkeys(run.dataset for run in params.runs.values()))
    table = read_summaries(datasets, confidence=params.analyses.compare.confidence)
    write_json(Path("metrics/summary.json"), summary_metrics(table))
    write_table(SUMMARY, "", table)
    write_text(Path("plots/summary.md"), summary_markdown(table, datasets))


if __name__ == "__main__":
    run_stage(main)
