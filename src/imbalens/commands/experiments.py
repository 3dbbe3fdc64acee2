"""Show DVC's experiments side by side: the headlines of the focus, and the parameters that differ.

All other columns are left out: DVC would show every number of the summary and every file that
changed. Further options are those of `dvc exp show`, such as --sort-by few, -A or --csv.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence

from imbalens.analysis.summary import HEADLINES

# what has a slash: files, and settings in the summary, but no parameter of another file; and the
# name of the focus, which stands under its parameter
DROP = r"^(?!src/imbalens/params/).*/|setting$"


def show_command(further: Sequence[str]) -> list[str]:
    """Return what is run.

    Args:
        further: Options of `dvc exp show`.
    """
    names = "|".join(re.escape(spec.name) for spec in HEADLINES)
    columns = ["--only-changed", "--drop", DROP, "--keep", f"({names})$"]
    return [sys.executable, "-m", "dvc", "exp", "show", *columns, *further]


def main(argv: Sequence[str] | None = None) -> None:
    """Show the table that DVC makes of these columns."""
    parser = argparse.ArgumentParser(
        prog="imbalens experiments",
        usage="imbalens experiments [-h] [options of dvc exp show]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _, further = parser.parse_known_args(argv)
    sys.exit(subprocess.run(show_command(further), check=False).returncode)
