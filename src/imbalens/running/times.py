"""How long stages took the last time, kept outside git: a machine's own."""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import fmean

from imbalens.errors import InputError
from imbalens.running.plan import kind
from imbalens.store.files import write_json

MINUTE = 60


def read_times(path: Path) -> dict[str, float]:
    """Return the seconds that each stage took; none where the file is absent or damaged."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(read, dict):
        return {}
    return {
        stage: float(seconds)
        for stage, seconds in read.items()
        if isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0
    }


def write_times(path: Path, times: Mapping[str, float]) -> None:
    """Keep the seconds that each stage took, where they can be kept."""
    with suppress(InputError):
        write_json(path, dict(times))


def say_time_left(times: Mapping[str, float], stages: Iterable[str]) -> str:
    """Say how long some stages are going to take, from what they took the last time.

    Of a stage that never ran, those are asked that do the same for other runs or datasets.

    Args:
        times: Seconds of stages.
        stages: Those that are going to run.

    Returns:
        Such as "about 3 min left", "more than ..." where of some stage nothing is known; nothing
        where of all that is so.
    """
    by_kind: dict[str, list[float]] = {}
    for stage, seconds in times.items():
        by_kind.setdefault(kind(stage), []).append(seconds)
    seconds, unknown = 0.0, False
    for stage in stages:
        alike = [times[stage]] if stage in times else by_kind.get(kind(stage))
        seconds += fmean(alike) if alike else 0
        unknown |= not alike
    if not seconds or (unknown and seconds < 1):
        return ""
    return f"{'more than' if unknown else 'about'} {say_seconds(seconds)} left"


def say_seconds(seconds: float) -> str:
    """Say a duration as a person would: 40 s, 3 min, 1 h 20 min."""
    if seconds < 1.5 * MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
