"""Say what a file of features, labels and predictions tells, and make a page of it.

A row of FILE (.npz, HDF5, CSV, parquet) is an image. It holds `features` and `labels`, and as far
as there are such `logits` or `probabilities`, `split` (train, val, test), `id`, `group`, `path` of
the image, `class_names`. Columns of a table begin with `feature_`, `logit_`, `prob_`; an image's
class is `label`, several labels begin with `label_`. Other names are told by --columns.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from imbalens.api.analysis import PAGE, Analysis, require_own
from imbalens.api.analyze import analyze
from imbalens.data.given_outputs import GivenOutputs, read_given
from imbalens.errors import InputError, escape
from imbalens.params.errors import refuse, shown
from imbalens.params.given import GivenColumns, GivenFile
from imbalens.params.loading import validate

EXAMPLE = """\
example, of features and labels that a program of yours saved by
np.savez("features.npz", features=features, labels=labels, logits=logits, split=split):
  imbalens analyze features.npz --out page
  imbalens analyze table.csv --out page --columns features=emb_ labels=species path=file
"""
TASKS = ("multiclass", "multilabel")
UNKNOWN = ("negative", "positive", "ignore")
# what `imbalens.analyze` can be told beside what the file holds: the choices of analyses.yaml
PARAMETERS = signature(analyze).parameters
OPTIONS = ("evaluate", *list(PARAMETERS)[list(PARAMETERS).index("progress") + 1 :])


def main(argv: Sequence[str] | None = None) -> None:
    """Read a file, analyse it, write the folder and print the main figures."""
    parser = argparse.ArgumentParser(
        prog="imbalens analyze",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="folder to write, of its own"
    )
    parser.add_argument(
        "--columns", metavar="KEY=NAME", nargs="+", default=[], help="what arrays are called"
    )
    parser.add_argument(
        "--task", choices=TASKS, default=TASKS[0], help="one class, or any of several labels"
    )
    parser.add_argument("--classes", nargs="+", help="names, in the order of the scores")
    parser.add_argument("--blank", choices=UNKNOWN, help="what a label is where nothing stands")
    parser.add_argument(
        "--uncertain", choices=UNKNOWN, default="ignore", help="the same of -1 (default: ignore)"
    )
    parser.add_argument("--images", type=Path, help="folder of the paths (default: that of FILE)")
    listed = ", ".join(f"{name} ({PARAMETERS[name].default})" for name in OPTIONS)
    parser.add_argument(
        "--options",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        help=f"of imbalens.analyze, where its help says what they are: {listed}",
    )
    arguments = parser.parse_args(argv)
    require_own(arguments.out)
    print(f"reading {arguments.file} ...", file=sys.stderr, flush=True)
    analysis = _analyze(_read(arguments), arguments)
    print("\n".join(analysis.headline))
    print(escape(f"page: {arguments.out / PAGE}"))


def _read(arguments: argparse.Namespace) -> GivenOutputs:
    values = {
        "file": str(arguments.file),
        "task": arguments.task,
        "columns": _pairs("--columns", arguments.columns, GivenColumns.model_fields),
        "classes": arguments.classes,
        "blank": arguments.blank,
        "uncertain": arguments.uncertain,
    }
    problems: list[str] = []
    params = validate(values, GivenFile, arguments.file, problems)
    if params is None:
        raise refuse(problems)
    return read_given(arguments.file, params)


def _pairs(flag: str, given: Sequence[str], keys: Iterable[str]) -> dict[str, str]:
    pairs, allowed = {}, tuple(keys)
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or key not in allowed:
            raise InputError(
                f"{flag}: found {shown(each)}; allowed: KEY=..., KEY one of {', '.join(allowed)}"
            )
        pairs[key] = value
    return pairs


def _number(text: str) -> Any:  # noqa: ANN401 - `analyze` says what it must be
    """Return the number that a text stands for, or else the text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _analyze(given: GivenOutputs, arguments: argparse.Namespace) -> Analysis:
    for what, values in {"features": given.features, "labels": given.labels}.items():
        if values is None:
            several = ""
            if what == "labels" and arguments.task == TASKS[0]:
                several = "; or say --task multilabel, where an image can have several"
            raise InputError(
                f"{given.path}: has no {what}; name them: --columns {what}=NAME, NAME that of an "
                f"array, or what the names of columns begin with{several}"
            )
    labels, paths = np.asarray(given.labels, dtype=np.int64), given.paths
    if paths is not None:
        folder = arguments.images or given.path.parent
        paths = [folder / path.strip().replace("\\", "/") for path in paths]
    options = _pairs("--options", arguments.options, OPTIONS)
    return analyze(
        np.asarray(given.features),
        labels if given.unknown is None else np.where(given.unknown, -1, labels),
        given.logits,
        split=given.splits,
        names=given.class_names,
        ids=given.ids if given.named else None,
        groups=given.groups,
        paths=paths,
        out=arguments.out,
        title=given.path.stem,
        progress=True,
        **{name: _number(value) for name, value in options.items()},
    )
