"""Run stages of dvc.yaml without DVC, in the current folder, all in one process.

`python -m imbalens.validation.analyse ROOT STAGE...`: ROOT holds stages/, a stage is named as DVC
names it, such as performance@planted-ce. params.yaml and analyses.yaml lie in the current folder.
"""

from imbalens.stage import run_command
import importlib
import sys
from pathlib import Path
from unittest.mock import patch

from matplotlib.backends.backend_agg import FigureCanvasAgg

from imbalens.params.loading import load_params


def _leave_blank(*_: object, **__: object) -> None:
    """Draw nothing: figures are drawn into memory, and written from there."""


def main() -> None:
    """Run the stages; figures stay blank, for only their data is compared."""
    root, stages = Path(sys.argv[1]), sys.argv[2:]
    load_params()  # names are checked before anything is done with them
    sys.path.insert(0, str(root))
    with patch.object(FigureCanvasAgg, "print_figure", _leave_blank):
        for stage in stages:
            print(stage, flush=True)
            name, _, item = stage.partition("@")
            importlib.import_module(f"stages.{name}").main([item] if item else [])


if __name__ == "__main__":
    run_command(main)
