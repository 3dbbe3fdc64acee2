"""Compare the code that dvc.yaml names for each stage with what its script imports.

For whoever changes this project's code.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imbalens.code_dependencies import PIPELINE, declare
from imbalens.store.files import write_text


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, or write dvc.yaml."""
    parser = argparse.ArgumentParser(
        prog="imbalens dependencies",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help=f"write {PIPELINE}")
    write = parser.parse_args(argv).write
    text = PIPELINE.read_text(encoding="utf-8")
    wanted = declare(text, root=Path.cwd())
    if write:
        write_text(PIPELINE, wanted)
    elif wanted != text:
        sys.exit(f"{PIPELINE}: other code than scripts import; run: imbalens dependencies --write")
