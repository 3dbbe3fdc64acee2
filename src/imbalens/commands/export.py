"""Write one parquet file of a run, with a row per image, for other tools.

It holds id, split, label, prediction, logits and probabilities, archetype, suspicion and features
of every image of the run's dump. What each column is stands in the file's metadata, under
`imbalens`. docs/other-tools.md opens such files in FiftyOne, Spotlight, Datalab and MLflow.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.errors import InputError, escape
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.export import export_run

SUFFIX = ".parquet"


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file, and say where it is."""
    parser = argparse.ArgumentParser(
        prog="imbalens export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", help="a run of params.yaml")
    parser.add_argument("--out", metavar="FILE", type=Path, help="(default: work/RUN.parquet)")
    parser.add_argument(
        "--pictures", metavar="FOLDER", type=Path, help="write the images there, named in `path`"
    )
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    run, out = arguments.run, arguments.out or Path("work") / f"{arguments.run}{SUFFIX}"
    if out.suffix != SUFFIX:
        raise InputError(f"--out: found {out}; allowed: a path that ends in {SUFFIX}")
    n_rows = export_run(run, load_params(arguments.params), out, pictures=arguments.pictures)
    print(escape(f"{out}: {n_rows} images of {run}"))
