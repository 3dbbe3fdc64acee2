"""Run what changed: data, trainings, analyses, plots, and say what was found.

Checks params.yaml first, as `imbalens check` does. Then DVC runs the stages that something changed
for, as `dvc repro` does, with the same results. Each is named, with the time that is left as far
as the last run tells it. What was interrupted, or failed, goes on by the same command.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imbalens.commands import check
from imbalens.errors import escape
from imbalens.running.reproduce import reproduce

EXAMPLE = """\
examples:
  imbalens run                      all stages
  imbalens run train@planted-ce     one, and those that it depends on
"""
TIMES = Path("work/times.json")
SUMMARY_STAGE, REPORT_STAGE, PAGE = "summary", "report", "plots/report.html"


def main(argv: Sequence[str] | None = None) -> None:
    """Check the parameters, run the stages, and say what was found in one line."""
    parser = argparse.ArgumentParser(
        prog="imbalens run",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets", metavar="STAGE", nargs="*", help="stages, as `dvc repro` takes them (all)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="run what did not change, too")
    arguments = parser.parse_args(argv)
    check.main([])
    # stages are run as `python ...`: that of this program
    programs = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    done = reproduce(arguments.targets, force=arguments.force, times=TIMES, say=_say)
    counted = f"{len(done.stages)} stages"
    parts = [f"{done.n_run} of {counted} run." if done.n_run else f"All {counted} are up to date."]
    if SUMMARY_STAGE in done.stages:
        parts.append(_found())
    if REPORT_STAGE in done.stages:
        parts.append(f"Open {PAGE}")
    _say(" ".join(parts))


def _found() -> str:
    """Return the first sentence of the summary."""
    # pandas, which nothing before needs
    from imbalens.reports.summary.sentences import write_sentences
    from imbalens.store.tables import read_table
    from imbalens.tables.summary import SUMMARY

    table = read_table(SUMMARY, "")
    rows = table[table["dataset"] == table["dataset"].iloc[0]] if len(table) else table
    return write_sentences(rows)[0].text


def _say(line: str) -> None:
    """Show a line at once: what a stage says comes after it."""
    print(escape(line), flush=True)
