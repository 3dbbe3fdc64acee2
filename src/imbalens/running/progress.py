"""What is told while DVC runs stages, from what it logs."""

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

from imbalens.running.plan import Plan
from imbalens.running.times import read_times, say_time_left, write_times

# DVC 3.60 to 3.67; tests/test_run_command.py tells when one speaks otherwise
RUNNING = re.compile(r"Running stage '(.+)':")
CACHED = re.compile(r"Stage '(.+)' is cached")
UNCHANGED = re.compile(r"Stage '(.+)' didn't change")


class Progress(logging.Handler):
    """Tells of each stage that runs, and keeps how long it took.

    Attributes:
        stage: The stage that runs now, or ran last; None before the first.
        n_run: Stages that ran, or came from the cache.
    """

    def __init__(self, plan: Plan, times: Path, *, say: Callable[[str], None]) -> None:
        """Begin where no stage ran yet.

        Args:
            plan: What is going to run.
            times: File of the seconds that stages took.
            say: Shows a line.
        """
        super().__init__(logging.INFO)
        self.stage: str | None = None
        self.n_run = 0
        self._plan, self._path, self._say = plan, times, say
        self._times = read_times(times)
        self._expected, self._passed = set(plan.expected), set[str]()
        self._since: float | None = None

    @property
    def place(self) -> str:
        """The stage that runs, as in "stage 3 of 12"."""
        return f"stage {len(self._expected & self._passed)} of {len(self._expected)}"

    def emit(self, record: logging.LogRecord) -> None:
        """Tell what a message of DVC means, if it is about a stage."""
        message = record.getMessage()
        for pattern in (RUNNING, CACHED, UNCHANGED):
            if found := pattern.match(message):
                self.end_stage()
                self._passed.add(found[1])
                if pattern is not UNCHANGED:
                    self._tell(found[1], runs=pattern is RUNNING)

    def _tell(self, stage: str, *, runs: bool) -> None:
        if stage not in self._expected:  # nobody could know that what it depends on changed
            self._expected |= self._plan.followers.get(stage, {stage})
        self.stage, self._since = stage, time.monotonic() if runs else None
        self.n_run += 1
        what = self._plan.descriptions.get(stage, "") if runs else "as computed before"
        ahead = self._expected - self._passed | ({stage} if runs else set[str]())
        place = ", ".join(filter(None, (self.place, say_time_left(self._times, ahead))))
        self._say(f"{place}: " + ", ".join(filter(None, (stage, what))))

    def end_stage(self) -> None:
        """Keep how long the stage took that was running, if one was; call it when all is done."""
        if self.stage is not None and self._since is not None:
            self._times[self.stage] = round(time.monotonic() - self._since, 2)
            self._since = None
            write_times(self._path, self._times)
