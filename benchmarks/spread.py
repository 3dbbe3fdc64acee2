"""Measure how far metrics lie apart between equal trainings, and write tolerances.yaml.

Recomputes the committed experiment in clones of HEAD under every combination of 1 and 2 threads
with torch's AVX2 and its plain kernels, and under other training seeds; the largest difference
from the committed value, over runs and over the classes of a group, times a margin is what
validation allows. Takes one `dvc repro` per variant. Run it from the repository's root.
"""

import argparse
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import yaml

from imbalens.files import write_text
from imbalens.validation import TOLERANCES_PATH, compare_metrics, load_tolerances, read_metrics

MARGIN = 1.5
ARITHMETIC = 1e-9
SEEDS = (1, 2, 3)
MACHINES = {
    f"{threads} threads, {kernels}": {
        "OMP_NUM_THREADS": str(threads),
        "ATEN_CPU_CAPABILITY": kernels,
    }
    for threads in (1, 2)
    for kernels in ("avx2", "default")
}


def recompute(root: Path, environment: Mapping[str, str], seed: int | None) -> dict[str, object]:
    """Run the committed experiment in a clone and return its metrics.

    Args:
        root: Repository.
        environment: Variables to set.
        seed: Training seed of every run, None for those committed.
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
        command = ["dvc", "repro", "--force", "--no-run-cache", "--quiet"]
        subprocess.run(command, cwd=clone, env=variables, check=True)
        return read_metrics(clone / "metrics")


def group_of(key: str, classes: frozenset[str]) -> str:
    """Return the pattern of a metric's group: any run, and any class or what lies below it."""
    place, path = key.split(":")
    parts: list[str] = []
    for part in path.split("."):
        if part in classes:
            parts.append("*")
            break
        parts.append(part)
    stage = place.split("/")[0]
    return f"{stage}/*:{'.'.join(parts)}"


def measure(
    committed: Mapping[str, object],
    variants: Mapping[str, Mapping[str, object]],
    classes: frozenset[str],
) -> tuple[dict[str, dict[str, float]], set[str]]:
    """Return the largest difference of each group and variant, and the groups that know null."""
    largest: dict[str, dict[str, float]] = defaultdict(dict)
    with_null: set[str] = set()
    for variant, metrics in variants.items():
        for key, old in committed.items():
            new, group = metrics[key], group_of(key, classes)
            if old is None or new is None:
                with_null.add(group)
                continue
            if isinstance(old, int | float) and isinstance(new, int | float):
                before = largest[group].get(variant, 0.0)
                largest[group][variant] = max(before, abs(new - old))
    return largest, with_null


def main() -> None:
    """Measure, then write tolerances.yaml and docs/validation.md's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=Path("docs/validation-spread.md"))
    table = parser.parse_args().table
    root = Path()
    committed = {
        key: value
        for key, value in read_metrics(root / "metrics").items()
        if not key.startswith("focus:")
    }
    variants: dict[str, dict[str, object]] = {}
    for name, environment in MACHINES.items():
        variants[name] = recompute(root, environment, None)
    for seed in SEEDS:
        variants[f"seed {seed}"] = recompute(root, {}, seed)
    prepared = (key for key in committed if key.startswith("prepare/"))
    classes = frozenset(key.rsplit(".", 1)[-1] for key in prepared if ":counts.train." in key)
    largest, with_null = measure(committed, variants, classes)

    groups = sorted({*largest, *with_null})
    tolerances = {
        "arithmetic": ARITHMETIC,
        "training": [
            {
                "pattern": group,
                "absolute": float(f"{MARGIN * max(largest[group].values(), default=0.0):.3g}"),
                "null": group in with_null,
            }
            for group in groups
        ],
    }
    text = (
        "# How far recomputed metrics may lie from the committed ones. Measured and written by\n"
        f"# benchmarks/spread.py: the largest difference over variants, times {MARGIN}.\n"
    )
    write_text(TOLERANCES_PATH, text + yaml.safe_dump(tolerances, sort_keys=False))
    lines = [
        "# Measured spread of the metrics",
        "",
        "Largest absolute difference from the committed value, over the runs and classes of each "
        "group. Written by `python -m benchmarks.spread`.",
        "",
        f"| group | {' | '.join(variants)} |",
        f"|---|{'---|' * len(variants)}",
        *(
            f"| `{group}` | "
            + " | ".join(f"{largest[group].get(variant, 0.0):.3g}" for variant in variants)
            + " |"
            for group in groups
            if not group.startswith("prepare/")
        ),
    ]
    write_text(table, "\n".join(lines) + "\n")
    wrong = [
        (variant, item)
        for variant, metrics in variants.items()
        for item in compare_metrics(
            committed, metrics, load_tolerances(TOLERANCES_PATH), same_dumps=frozenset()
        )
        if item.verdict != "ok"
    ]
    print(f"{len(groups)} groups; {len(wrong)} metrics of the measured variants beyond: {wrong}")


if __name__ == "__main__":
    main()
