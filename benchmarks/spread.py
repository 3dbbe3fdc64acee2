"""Measure how far metrics lie apart between equal trainings, and write tolerances.yaml.

Recomputes the committed experiment in clones of HEAD under every combination of 1 and 2 threads
with torch's best kernels on this machine, its AVX2 and its plain ones, and under other seeds; the
largest difference from the committed value, over runs and over the classes of a group, times a
margin is what validation allows. Takes one `dvc repro` per variant; run it from the root.
"""

import argparse
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from tqdm import tqdm

from imbalens.analysis.common.memberships import HEALTHY, NO_FINDING
from imbalens.core.files import write_text
from imbalens.validation import (
    TOLERANCES_PATH,
    Tolerance,
    Tolerances,
    compare_metrics,
    is_number,
    load_tolerances,
    read_metrics,
)

MARGIN = 1.5
ARITHMETIC = 1e-9
SEEDS = (1, 2, 3)
MACHINES = {
    f"{threads} threads, {kernels or 'native'}": {
        "OMP_NUM_THREADS": str(threads),
        **({"ATEN_CPU_CAPABILITY": kernels} if kernels else {}),
    }
    for threads in (1, 2)
    for kernels in (None, "avx2", "default")
}


def recompute(
    root: Path, environment: Mapping[str, str], seed: int | None, targets: Sequence[str]
) -> dict[str, object]:
    """Run the committed experiment in a clone and return the metrics that this gives.

    Args:
        root: Repository.
        environment: Variables to set.
        seed: Training seed of every run, None for those committed.
        targets: Stages to run with all that they need; empty for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(root.resolve()), str(clone)], check=True)
        if seed is not None:
            params = clone / "params.yaml"
            head, runs, tail = re.split(r"^(?=runs:|recipes:)", params.read_text(), flags=re.M)
            runs = re.sub(r"^    seed: \d+", f"    seed: {seed}", runs, flags=re.M)
            params.write_text(head + runs + tail)
        variables = {**os.environ, **environment, "PYTHONPATH": str(clone / "src")}
        for stored in (clone / "metrics").rglob("*.json"):
            stored.unlink()
        command = ["dvc", "repro", "--force", "--no-run-cache", "--quiet", *targets]
        subprocess.run(command, cwd=clone, env=variables, check=True)
        return read_metrics(clone / "metrics")


def group_of(key: str, names: frozenset[str]) -> str:
    """Return the pattern of a metric's group: any run of its dataset, any class.

    Args:
        key: The metric, see `read_metrics`.
        names: Of classes and runs.

    Runs are named by dataset and role, such as planted-ce.
    """
    place, path = key.split(":")
    parts = ["*" if part in names else part for part in path.split(".")]
    stage, run = place.split("/")
    dataset, role = run.partition("-")[::2]
    return f"{stage}/{dataset}{'-*' if role else ''}:{'.'.join(parts)}"


def measure(
    committed: Mapping[str, object],
    variants: Mapping[str, Mapping[str, object]],
    names: frozenset[str],
) -> tuple[dict[str, dict[str, float]], set[str]]:
    """Return each group's and variant's largest difference, and the groups with others.

    Others are those of what is not a number: null on one side, verdicts.
    """
    largest: dict[str, dict[str, float]] = defaultdict(dict)
    with_other: set[str] = set()
    for variant, metrics in variants.items():
        for key in committed.keys() & metrics.keys():
            old, new, group = committed[key], metrics[key], group_of(key, names)
            largest[group].setdefault(variant, 0.0)
            if is_number(old) and is_number(new):
                largest[group][variant] = max(largest[group][variant], abs(new - old))
            elif old != new:
                with_other.add(group)
    return largest, with_other


def derive(
    largest: Mapping[str, Mapping[str, float]], with_other: set[str], variants: Sequence[str]
) -> Tolerances:
    """Return the tolerances that some of the variants give."""
    training = [
        Tolerance(
            pattern=group,
            absolute=float(f"{MARGIN * max(largest[group].get(v, 0.0) for v in variants):.3g}"),
            other=group in with_other,
        )
        for group in sorted(largest)
    ]
    return Tolerances(arithmetic=ARITHMETIC, training=tuple(training))


def keep_present(tolerances: Tolerances) -> Tolerances:
    """Add the present tolerances of other groups, and keep larger ones of the same."""
    present = {item.pattern: item for item in load_tolerances(TOLERANCES_PATH).training}
    for item in tolerances.training:
        old = present.get(item.pattern, item)
        present[item.pattern] = Tolerance(
            pattern=item.pattern,
            absolute=max(item.absolute, old.absolute),
            other=item.other or old.other,
        )
    together = tuple(present[pattern] for pattern in sorted(present))
    return Tolerances(arithmetic=tolerances.arithmetic, training=together)


def count_beyond(
    committed: Mapping[str, object], metrics: Mapping[str, object], tolerances: Tolerances
) -> int:
    """Count the metrics that validation would reject."""
    known = {key: value for key, value in committed.items() if key in metrics}
    found = compare_metrics(known, metrics, tolerances, same_dumps=frozenset())
    return sum(item.verdict != "ok" for item in found)


def main() -> None:
    """Measure, then write tolerances.yaml and the table of docs/validation-spread.md."""
    planned = {name: (environment, None) for name, environment in MACHINES.items()}
    planned |= {f"seed {seed}": (MACHINES["1 threads, native"], seed) for seed in SEEDS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", choices=planned, default=list(planned))
    parser.add_argument("--jobs", type=int, default=1, help="variants at a time (default: 1)")
    parser.add_argument(
        "--targets",
        nargs="+",
        default=[],
        help="stages to measure, such as concepts@phantom-bce; present tolerances only grow",
    )
    parser.add_argument(
        "--table",
        type=Path,
        default=Path("docs/validation-spread.md"),
        help="where to write the measured differences (default: %(default)s)",
    )
    arguments = parser.parse_args()
    committed = {
        key: value
        for key, value in read_metrics(Path("metrics")).items()
        if not key.startswith("focus:")
    }
    with ThreadPoolExecutor(arguments.jobs) as pool:
        chosen = [planned[name] for name in arguments.variants]
        recomputed = pool.map(lambda v: recompute(Path(), v[0], v[1], arguments.targets), chosen)
        found = tqdm(recomputed, desc="variants", total=len(chosen))
        variants = dict(zip(arguments.variants, found, strict=True))

    prepared = (key for key in committed if key.startswith("prepare/"))
    outputs = (key.rsplit(".", 1)[-1] for key in prepared if ":counts.train." in key)
    runs = (key.split("/")[1].split(":")[0] for key in committed if key.startswith("train/"))
    names = frozenset({*outputs, *runs, NO_FINDING, HEALTHY})
    largest, with_other = measure(committed, variants, names)
    tolerances = derive(largest, with_other, list(variants))
    if arguments.targets:
        tolerances = keep_present(tolerances)
    text = (
        "# How far recomputed metrics may lie from the committed ones. Measured and written by\n"
        f"# benchmarks/spread.py: the largest difference over variants, times {MARGIN}.\n"
    )
    write_text(TOLERANCES_PATH, text + yaml.safe_dump(tolerances.model_dump(), sort_keys=False))

    held_out = {}
    for name, metrics in variants.items():
        others = {key: value for key, value in variants.items() if key != name}
        seen, seen_other = measure(committed, others, names)
        held_out[name] = count_beyond(committed, metrics, derive(seen, seen_other, list(others)))
    lines = [
        "# Measured spread of the metrics",
        "",
        f"{len(next(iter(variants.values())))} metrics in {len(largest)} groups; largest "
        "absolute difference from the committed value, over the runs and classes of each group. "
        "Written by `python -m benchmarks.spread`.",
        "",
        "Last row: how many metrics of a variant lie beyond tolerances made from the other "
        "variants alone, which is what a machine not measured here is to expect.",
        "",
        f"| group | {' | '.join(variants)} |",
        f"|---|{'---|' * len(variants)}",
    ]
    for group in sorted(largest):
        cells = [f"{largest[group].get(variant, 0.0):.3g}" for variant in variants]
        if not group.startswith("prepare/"):
            lines.append(f"| `{group}` | {' | '.join(cells)} |")
    cells = [str(held_out[variant]) for variant in variants]
    lines.append(f"| beyond, held out | {' | '.join(cells)} |")
    write_text(arguments.table, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
