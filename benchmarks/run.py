"""Measure speed as ratios against named baselines, after checking that results are equal.

Run `python -m benchmarks.run` from the repository's root; other work on the machine distorts it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.analyses import measure_analyses
from benchmarks.concepts import measure_concepts
from benchmarks.dumping import measure_dumping
from benchmarks.neighbors import measure_neighbors
from benchmarks.preparing import measure_preparation
from benchmarks.report import describe_machine, render
from benchmarks.saliency import measure_colours, measure_saliency
from benchmarks.timing import Row
from benchmarks.training import measure_input, measure_training
from imbalens.store.files import write_text

BENCHMARKS: dict[str, Callable[..., list[Row]]] = {
    "preparation": measure_preparation,
    "training": measure_training,
    "input_pipeline": measure_input,
    "dump_features": measure_dumping,
    "saliency": measure_saliency,
    "colours": measure_colours,
    "analyses": measure_analyses,
    "neighbors": measure_neighbors,
    "concepts": measure_concepts,
}
PAGE = Path("docs/performance.md")
TITLE = """# Performance

Written by `python -m benchmarks.run --write` (`make bench` shows it only). Each row compares a
part of imbalens with a baseline measured in the same run, in turns, after checking that both give
equal results; all data are generated, in the shapes of real ones. Ratios of speeds are the
baseline's time over ours: 2 means twice as fast. The ratio is the median over the rounds, the
spread their range. The plain programs compared with were written here from the papers'
descriptions.
"""
QUICK_NOTE = "Smoke sizes: these ratios mean nothing.\n"


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run benchmarks, print the table and return its rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"benchmarks to run (default: all): {', '.join(BENCHMARKS)}",
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE} too")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"found {', '.join(unknown)}; allowed: {', '.join(BENCHMARKS)}")
    if arguments.write and (arguments.quick or arguments.names):
        parser.error("--write takes neither --quick nor names: the page holds a whole run")

    rows: list[Row] = []
    for name in arguments.names or BENCHMARKS:
        start = time.perf_counter()
        with redirect_stdout(sys.stderr):
            rows += BENCHMARKS[name](quick=arguments.quick)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    body = f"Machine: {describe_machine()}.\n\n{render(rows)}"
    print((QUICK_NOTE if arguments.quick else "") + body)
    if arguments.write:
        write_text(PAGE, f"{TITLE}\n{body}")
    return rows


if __name__ == "__main__":
    main()
