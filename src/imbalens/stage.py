"""What every stage script shares: its command line, and how it ends when the input is wrong.

Scripts import it before anything else, so that Ctrl-C is understood while the rest is loaded.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from imbalens.errors import InputError, escape
from imbalens.interrupting import INTERRUPTED, INTERRUPTED_STATUS
from imbalens.locks import only_one
from imbalens.params.errors import listed, shown
from imbalens.params.experiment import Params
from imbalens.params.loading import PARAMS_PATH, load_params

Item = TypeVar("Item")


def parse_stage(
    description: str | None, what: str, argv: Sequence[str] | None
) -> tuple[str, Params]:
    """Read a stage's command line, `NAME [--params FILE]`, and its validated parameters.

    Args:
        description: Shown by --help.
        what: What the name names, such as "run".
        argv: Arguments, None for those of the process.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", metavar=what.upper(), help=f"a {what} of params.yaml")
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    return arguments.name, load_params(arguments.params)


def pick(section: Mapping[str, Item], kind: str, name: str) -> Item:
    """Return the item called `name`.

    Raises:
        InputError: if there is none; it lists those there are.
    """
    if name not in section:
        allowed = listed(section) or "(none)"
        raise InputError(f"{kind}: found {shown(name)}; allowed: {allowed}")
    return section[name]


def require_neighbors(key: str, n_neighbors: int, n_instances: int) -> None:
    """Check that there are more instances than neighbours asked for.

    Args:
        key: Parameter of analyses.yaml that says how many neighbours, such as
            "archetypes.n_neighbors".
        n_neighbors: Its value.
        n_instances: Training images.

    Raises:
        InputError: if there are not; it names the parameter.
    """
    if n_neighbors >= n_instances:
        raise InputError(
            f"analyses.yaml: {key}: found {n_neighbors}; allowed: below the {n_instances} "
            "training images"
        )


def run_stage(main: Callable[[], Any]) -> None:
    """Run a stage's `main` as `run_command` does, after any other process that runs the same."""

    def run_alone() -> None:
        with only_one(_name_of(sys.argv)):
            main()

    run_command(main if {"-h", "--help"} & set(sys.argv) else run_alone)


def _name_of(argv: Sequence[str]) -> str:
    """Name what a stage's command computes, as DVC does."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--params")
    name = parser.parse_known_args(argv[1:])[0].name
    return Path(argv[0]).stem + (f"@{name}" if name else "")


def run_command(main: Callable[[], Any]) -> None:
    """Run a command's `main`, showing a user's mistake as one message and exit status 1."""
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit("error: " + "\n".join(map(escape, str(error).split("\n"))))
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(INTERRUPTED_STATUS)
