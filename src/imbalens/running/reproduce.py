"""Letting DVC run what changed, one stage after the other, and telling what it does."""

import logging
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dvc.exceptions import DvcException, ReproductionError
from dvc.repo import Repo
from dvc.repo.reproduce import reproduce as dvc_reproduce

from imbalens.errors import InputError
from imbalens.interrupting import INTERRUPTED_STATUS
from imbalens.running.plan import plan
from imbalens.running.progress import Progress

SHELL_SIGNALS = 128
STATUS = re.compile(r"exited with (-?\d+)$")


@dataclass(frozen=True)
class Reproduced:
    """What is up to date now.

    Attributes:
        stages: All that were asked for, and what they depend on.
        n_run: How many of them ran, or came from DVC's cache.
    """

    stages: frozenset[str]
    n_run: int


def reproduce(
    targets: Sequence[str], *, force: bool, times: Path, say: Callable[[str], None]
) -> Reproduced:
    """Run what changed, as `dvc repro` does, in the project of the current folder.

    Args:
        targets: Stages as `dvc repro` takes them; all, if there are none.
        force: Whether what did not change runs, too.
        times: File of the seconds that stages took.
        say: Shows a line.

    Raises:
        InputError: if a stage fails, which has said why, or if DVC does.
        SystemExit: if a stage was interrupted, which it has said.
        KeyboardInterrupt: if DVC was, between two stages.
    """
    try:
        with Repo() as repo:
            planned = plan(repo, targets, force=force)
            progress = Progress(planned, times, say=say)
            if planned.expected:
                with _heard(progress):
                    _run(repo, targets, progress, force=force)
    except DvcException as error:
        raise InputError(_causes(error)) from error
    return Reproduced(frozenset(planned.descriptions), progress.n_run)


def _run(repo: Repo, targets: Sequence[str], progress: Progress, *, force: bool) -> None:
    try:
        dvc_reproduce(repo, targets=list(targets), force=force)
    except ReproductionError as error:
        stage, where = progress.stage, progress.place
        ended = STATUS.search(str(error.__cause__))
        if ended is None:
            raise
        by = _ended_by(int(ended[1]))
        if by == "SIGINT":
            sys.exit(INTERRUPTED_STATUS)  # it has said so
        how = f"was ended by {by}" if by else "failed"
        memory = ", which a system sends where memory runs out" if by == "SIGKILL" else ""
        again = " ".join(["imbalens run", *targets])
        raise InputError(
            f"{stage} {how}{memory} ({where}); when that is mended, this goes on: {again}"
        ) from error
    progress.end_stage()


def _ended_by(status: int) -> str:
    """Return the signal that ended a stage, "" if none did: shells add 128 to its number."""
    number = -status if status < 0 else status - SHELL_SIGNALS
    return next((one.name for one in signal.Signals if one == number), "")


@contextmanager
def _heard(progress: Progress) -> Iterator[None]:
    """Let what DVC logs go to `progress`; its warnings to stderr as before, nothing to stdout."""
    logger = logging.getLogger("dvc")
    quiet = [handler for handler in logger.handlers if handler.level < logging.WARNING]
    level = logger.level
    for handler in quiet:
        logger.removeHandler(handler)
    logger.addHandler(progress)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(progress)
        for handler in quiet:
            logger.addHandler(handler)


def _causes(error: BaseException | None) -> str:
    """Return what an error says, and those that it is due to."""
    said = []
    while error is not None:
        said.append(str(error))
        error = error.__cause__
    return ": ".join(said)
