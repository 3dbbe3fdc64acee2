"""Tell whether .venv holds what was installed, whole: `python -I src/imbalens/installation.py`.

With `--write` note in .venv/installed what is there, once installing has succeeded. Uses nothing
but the standard library, since anything else may be missing, and imports nothing to find out.
"""

import argparse
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

MARK = Path(".venv/installed")
CODE = (".py", ".so", ".pyd", ".dll", ".dylib")


def find_packages(site: Path) -> dict[str, Path]:
    """Return the packages that a site-packages folder describes, each with its description."""
    return {info.name.split("-")[0].lower(): info for info in sorted(site.glob("*.dist-info"))}


def find_losses(site: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the packages that have lost something, and which of their files of code.

    Args:
        site: A site-packages folder.
        names: The packages that were installed.
    """
    packages, losses = find_packages(site), {}
    for name in names:
        record = packages[name] / "RECORD" if name in packages else None
        if record is None or not record.is_file():
            losses[name] = ["its description"]
            continue
        lines = record.read_text(encoding="utf-8").splitlines()
        files = [line.rsplit(",", 2)[0].strip('"') for line in lines]
        lost = [file for file in files if file.endswith(CODE) and not (site / file).exists()]
        if lost:
            losses[name] = lost
    return losses


def main(argv: Sequence[str] | None = None) -> None:
    """Note what is installed, or end with status 1 and say what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="note what is installed")
    write, site = parser.parse_args(argv).write, Path(sysconfig.get_path("purelib"))
    if write:
        MARK.write_text("".join(f"{name}\n" for name in find_packages(site)), encoding="utf-8")
        return
    losses = find_losses(site, MARK.read_text(encoding="utf-8").split())
    if losses:
        name, lost = next(iter(losses.items()))
        count = sum(map(len, losses.values()))
        sys.exit(f".venv: {name} has lost {lost[0]}, {count} in all; setting it up anew")


if __name__ == "__main__":
    main()
