"""Write the report: one HTML file about all datasets, which needs no network."""

from imbalens.stage import run_stage
import argparse
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.report import read_dataset
from imbalens.reports.page.fitting import fit_page
from imbalens.reports.page.shell import read_vega
from imbalens.store.files import write_text

OUTPUT = Path("plots/report.html")
MAX_BYTES = 15_000_000
PACKAGES = ("imbalens", "torch", "numpy", "scikit-learn", "dvc")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    datasets = [read_dataset(name, params) for name in params.datasets]
    page, excess = fit_page(datasets, versions=versions, vega=read_vega(), limit=MAX_BYTES)
    write_text(OUTPUT, page)
    if excess:
        print(f"warning: {OUTPUT}: {excess}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
