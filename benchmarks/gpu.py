"""Measure training, saliency and dumps on one GPU, part by part; what is measured is kept.

    python -m benchmarks.gpu run [PART ...] --out FOLDER [--prepared FILE]
    python -m benchmarks.gpu table FOLDER/gpu.json

Run it from the repository's root. A part that is called again with the same folder is measured
again, but for trainings, which go on.
"""

import argparse
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import torch

from benchmarks.on_gpu.agreement import measure_agreement
from benchmarks.on_gpu.dumping import measure_dumps, measure_saliency
from benchmarks.on_gpu.figures import Figure, OutOfTimeError, Results, time_limit
from benchmarks.on_gpu.generated import FULL, TINY, Size
from benchmarks.on_gpu.throughput import measure_throughput
from benchmarks.on_gpu.training import measure_trainings
from imbalens.training.devices import choose_device

Part = Callable[[Size, torch.device], Iterator[Figure]]
# seconds that a part may take
LIMITS = {"agree": 60.0, "train": 200.0, "throughput": 170.0, "dumps": 45.0, "saliency": 45.0}
RESULTS = "gpu.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run parts or print the table; return 1 if a part failed or was cut, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure parts")
    run.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(LIMITS)}; all")
    run.add_argument("--out", type=Path, required=True, help="folder of results and states")
    run.add_argument("--prepared", type=Path, help="CIFAR-10 100:1 as data/prepared/cifar10.h5")
    run.add_argument("--limit", type=float, help="seconds for each part, instead of its own")
    run.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    run.add_argument("--tiny", action="store_true", help="sizes to see that it runs")
    table = commands.add_parser("table", help="print results as Markdown")
    table.add_argument("file", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.command == "table":
        print(Results.read(arguments.file).render())
        return 0
    unknown = [name for name in arguments.parts if name not in LIMITS]
    if unknown:
        parser.error(f"found {', '.join(unknown)}; allowed: {', '.join(LIMITS)}")

    device = choose_device(arguments.device)
    parts: dict[str, Part] = {
        "agree": measure_agreement,
        "train": partial(measure_trainings, prepared=arguments.prepared, out=arguments.out),
        "throughput": measure_throughput,
        "dumps": measure_dumps,
        "saliency": measure_saliency,
    }
    size = TINY if arguments.tiny else FULL
    results = Results.read(arguments.out / RESULTS).begin(
        describe_device(device, tiny=arguments.tiny)
    )
    whole = True

    def keep(figure: Figure) -> None:
        nonlocal results, whole
        results = results.add(figure)
        whole &= figure.finished
        results.write(arguments.out / RESULTS)

    with redirect_stdout(sys.stderr):
        for name in arguments.parts or LIMITS:
            limit = arguments.limit or LIMITS[name]
            measure_part(name, partial(parts[name], size, device), limit, keep)
    print(results.render())
    return 0 if whole else 1


def measure_part(
    name: str,
    part: Callable[[], Iterator[Figure]],
    seconds: float,
    keep: Callable[[Figure], None],
) -> None:
    """Keep a part's figures, and one that says so where it is cut or fails.

    Args:
        name: Its name.
        part: The part.
        seconds: That it may take.
        keep: Takes each figure at once.
    """
    try:
        with time_limit(seconds):
            for figure in part():
                keep(figure)
    except OutOfTimeError:
        keep(Figure(name, "the rest of it", note=f"cut after {seconds:g} s", finished=False))
    except Exception as error:  # noqa: BLE001 - the other parts are to run whatever it is
        traceback.print_exc()
        note = f"failed: {type(error).__name__}: {str(error)[:200]}"
        keep(Figure(name, "the rest of it", note=note, finished=False))


def describe_device(device: torch.device, *, tiny: bool) -> Mapping[str, str]:
    """Return the card, or the processor, and versions."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": f"{card}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"cuDNN {torch.backends.cudnn.version() if device.type == 'cuda' else 'not used'}",
        "sizes": "tiny: the figures mean nothing" if tiny else "full",
    }


if __name__ == "__main__":
    sys.exit(main())
