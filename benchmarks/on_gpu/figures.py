"""What is measured on a GPU: kept after each figure, shown as a table, cut where time is out."""

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType

import numpy as np

from imbalens.store.files import write_json

COLUMNS = ("part", "measured", "figure", "goal", "met", "note")


class OutOfTimeError(Exception):
    """A part has taken as long as it may."""


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        part: Part of the benchmark.
        measured: What was measured.
        value: The figure; None where there is none yet.
        unit: Its unit, or "" of a ratio.
        low: Smallest value that is good enough, if any.
        high: Largest value that is good enough, if any.
        note: What else is to be said.
        finished: Whether it was measured to the end.
    """

    part: str
    measured: str
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""
    finished: bool = True

    @property
    def goal(self) -> str:
        """The goal in words."""
        match self.low, self.high:
            case None, None:
                return ""
            case low, None:
                return f">= {low:g} {self.unit}".rstrip()
            case None, high:
                return f"<= {high:g} {self.unit}".rstrip()
            case low, high:
                return f"{low:g} to {high:g} {self.unit}".rstrip()

    @property
    def met(self) -> str:
        """Whether the goal is met."""
        if not self.finished or self.value is None:
            return "not finished"
        if not self.goal:
            return ""
        enough = self.low is None or self.value >= self.low
        return "yes" if enough and (self.high is None or self.value <= self.high) else "**no**"


@dataclass(frozen=True)
class Results:
    """All figures so far, the latest of each, and where they were measured."""

    about: Mapping[str, str]
    figures: tuple[Figure, ...]

    @staticmethod
    def read(path: Path) -> "Results":
        """Read a file of results; none where there is no file."""
        if not path.exists():
            return Results({}, ())
        found = json.loads(path.read_text(encoding="utf-8"))
        return Results(found["about"], tuple(Figure(**figure) for figure in found["figures"]))

    def write(self, path: Path) -> None:
        """Write the file anew; a kill leaves the old or the new one."""
        figures = [asdict(figure) for figure in self.figures]
        write_json(path, {"about": self.about, "figures": figures})

    def begin(self, about: Mapping[str, str]) -> "Results":
        """Return these, or none of them where they were measured elsewhere."""
        return self if self.about == about else Results(about, ())

    def add(self, figure: Figure) -> "Results":
        """Return these and a figure, which replaces an earlier one of the same."""
        key = (figure.part, figure.measured)
        kept = tuple(each for each in self.figures if (each.part, each.measured) != key)
        if figure.finished:  # it is no longer cut or failed
            rest = (figure.part, "the rest of it")
            kept = tuple(each for each in kept if (each.part, each.measured) != rest)
        return replace(self, figures=(*kept, figure))

    def render(self) -> str:
        """Return the table in Markdown."""
        if not self.figures:
            return "Not run.\n"
        about = "; ".join(f"{key}: {value}" for key, value in sorted(self.about.items()))
        lines = [f"{about}.", "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        for figure in self.figures:
            value = "" if figure.value is None else f"{figure.value:.4g} {figure.unit}".rstrip()
            cells = (figure.part, figure.measured, value, figure.goal, figure.met, figure.note)
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        return "\n".join(lines) + "\n"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTimeError` in the block once it has run so long."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def take_turns(
    programs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: Iterable[Callable[[], object]] | None = None,
) -> tuple[dict[str, float], int]:
    """Time programs in turns, every second round in reverse order.

    Args:
        programs: What to run, by name; each waits for the device before it returns.
        rounds: Timed rounds.
        warm_up: What runs before, not timed; None: the programs.

    Returns:
        Median seconds of each program, and the rounds that there was time for.

    Raises:
        OutOfTimeError: if there was not time for one.
    """
    for program in programs.values() if warm_up is None else warm_up:
        program()
    seconds: list[dict[str, float]] = []
    try:
        for turn in range(rounds):
            taken: dict[str, float] = {}
            for name in list(programs)[:: 1 if turn % 2 == 0 else -1]:
                start = time.perf_counter()
                programs[name]()
                taken[name] = time.perf_counter() - start
            seconds.append(taken)
    except OutOfTimeError:
        if not seconds:
            raise
    medians = {name: float(np.median([taken[name] for taken in seconds])) for name in programs}
    return medians, len(seconds)
