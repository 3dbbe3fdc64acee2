"""Write the headlines of the setting that `focus` names under fixed paths, for `dvc ... diff`."""

from imbalens.stage import run_stage
import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.experiment import all_settings
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reports.summary import focus as reports
from imbalens.store.files import write_json
from imbalens.store.tables import read_table, write_table
from imbalens.tables import focus as tables
from imbalens.tables.performance import CLASSES
from imbalens.tables.summary import SUMMARY


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, and what `dvc plots diff` draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    summary, setting = read_table(SUMMARY, ""), params.focus
    runs = all_settings(params)[setting]
    dataset = params.runs[runs[0]].dataset
    classes = [read_table(CLASSES, run) for run in runs]
    write_json(Path("metrics/focus.json"), reports.focus_metrics(summary, setting))
    write_table(tables.HEADLINES, "", reports.headlines_table(summary, setting))
    write_table(tables.CLASSES, "", reports.classes_table(setting, classes))
    write_table(tables.DIFFERENCES, "", reports.differences_table(summary, dataset))


if __name__ == "__main__":
    run_stage(main)
