"""Measuring programs against each other: equal results first, then times side by side."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

Result = TypeVar("Result")


class UnequalResultsError(Exception):
    """Two programs that are to be compared in speed compute different things."""


@dataclass(frozen=True)
class Goal:
    """What a ratio is to be.

    Attributes:
        relation: ">=" or "<=".
        limit: The ratio that it is compared with.
    """

    relation: str
    limit: float

    def is_met(self, ratio: float) -> bool:
        """Say whether a ratio reaches the goal."""
        return ratio >= self.limit if self.relation == ">=" else ratio <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of the result table.

    Attributes:
        benchmark: Name to ask for on the command line.
        measured: What of ours is measured.
        baseline: What it is compared with.
        ratio: Median over the rounds.
        low: Smallest over the rounds.
        high: Largest over the rounds.
        goal: What the ratio is to be.
    """

    benchmark: str
    measured: str
    baseline: str
    ratio: float
    low: float
    high: float
    goal: Goal


def measure(
    programs: Mapping[str, Callable[[], Result]],
    *,
    check: Callable[[Result, Result], None],
    rounds: int,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Float[np.ndarray, " rounds"]]:
    """Time programs in turns, after checking that all give the first one's result.

    Every round runs each program once, every second round in reverse order, so that a machine
    that slows down or speeds up favours none.

    Args:
        programs: What to run, by name, the one to compare the others with first.
        check: Raises if the first program's result and another's differ.
        rounds: Timed rounds.
        warm_up: Whether a round that is not timed goes before; the results checked are those of
            the very first round in either case.
        clock: Reading of a clock in seconds.

    Returns:
        Seconds of each program in each round.

    Raises:
        UnequalResultsError: if a result differs from the first program's.
    """
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    results: dict[str, Result] = {}
    for turn in range(rounds + warm_up):
        gc.collect()
        for name in list(programs)[:: 1 if turn % 2 == 0 else -1]:
            start = clock()
            result = programs[name]()
            seconds[name].append(clock() - start)
            if turn == 0:
                results[name] = result
            del result
        if turn == 0:
            first, *others = results.values()
            for other in others:
                check(first, other)
            results.clear()
    return {name: np.array(values[int(warm_up) :]) for name, values in seconds.items()}


def speed_row(
    benchmark: str,
    measured: str,
    baseline: str,
    *,
    ours: Float[np.ndarray, " rounds"],
    theirs: Float[np.ndarray, " rounds"],
    at_least: float,
) -> Row:
    """Compare speeds round by round: a ratio of 2 means that ours takes half the time.

    Args:
        benchmark: Name to ask for on the command line.
        measured: What of ours is measured.
        baseline: What it is compared with.
        ours: Seconds of ours in each round.
        theirs: Seconds of the baseline in each round.
        at_least: Ratio that is the goal.
    """
    return ratio_row(benchmark, measured, baseline, theirs / ours, Goal(">=", at_least))


def ratio_row(
    benchmark: str, measured: str, baseline: str, ratios: Float[np.ndarray, " rounds"], goal: Goal
) -> Row:
    """Summarise the ratios of all rounds by their median and range."""
    return Row(
        benchmark=benchmark,
        measured=measured,
        baseline=baseline,
        ratio=float(np.median(ratios)),
        low=float(ratios.min()),
        high=float(ratios.max()),
        goal=goal,
    )


def require_equal(first: np.ndarray, second: np.ndarray, what: str) -> None:
    """Refuse arrays that differ anywhere.

    Raises:
        UnequalResultsError: naming `what` and how much of it differs.
    """
    if first.shape != second.shape:
        raise UnequalResultsError(f"{what}: shapes {first.shape} and {second.shape} differ")
    different = np.count_nonzero(first != second)
    if different:
        raise UnequalResultsError(f"{what}: {different} of {first.size} values differ")


def require_close(
    first: np.ndarray, second: np.ndarray, what: str, *, relative: float, absolute: float = 0.0
) -> None:
    """Refuse arrays that differ by more than rounding; NaN equals NaN.

    Raises:
        UnequalResultsError: naming `what` and how much of it differs.
    """
    if first.shape != second.shape:
        raise UnequalResultsError(f"{what}: shapes {first.shape} and {second.shape} differ")
    close = np.isclose(first, second, rtol=relative, atol=absolute, equal_nan=True)
    if not close.all():
        raise UnequalResultsError(
            f"{what}: {np.count_nonzero(~close)} of {first.size} values differ by more than "
            f"{relative:g} of their size plus {absolute:g}"
        )
