"""The result table and the machine that it was measured on, as Markdown."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence

import torch

from benchmarks.timing import Row

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pandas", "h5py")
COLUMNS = ("benchmark", "measured", "baseline", "ratio", "spread", "goal", "met")


def describe_machine() -> str:
    """Return cores, threads, processor kind and versions in one line."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return (
        f"{os.cpu_count()} cores, {platform.machine()} "
        f"({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} torch threads; "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(versions)}"
    )


def render(rows: Sequence[Row]) -> str:
    """Return a Markdown table, one line per ratio."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for row in rows:
        cells = (
            row.benchmark,
            row.measured,
            row.baseline,
            f"{row.ratio:.3g}",
            f"{row.low:.3g} to {row.high:.3g}",
            f"{row.goal.relation} {row.goal.limit:.3g}",
            "yes" if row.goal.is_met(row.ratio) else "**no**",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
