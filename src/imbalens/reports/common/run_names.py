"""Names of runs along an axis, where a long one loses its middle."""

from collections.abc import Sequence

WIDTH = 24  # what `style.plain` leaves whole


def short_names(runs: Sequence[str]) -> list[str]:
    """Drop the hyphenated parts that all names begin with, if some are too long to be drawn whole.

    Args:
        runs: Names of the runs drawn; those of a dataset often differ only in how they end.

    Returns:
        One name per run, all of them without the same beginning.
    """
    if len(runs) < 2 or max(len(run) for run in runs) <= WIDTH:
        return list(runs)
    parts = [run.split("-") for run in runs]
    shared = [len(set(column)) == 1 for column in zip(*parts, strict=False)]
    n_shared = [*shared[:-1], False].index(False)  # the last part stays
    return ["-".join(part[n_shared:]) for part in parts]
