"""All that features, labels and predictions tell of images, and the folder that it is kept in."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import getpid
from pathlib import Path
from typing import Any

import pandas as pd

from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.store.files import write_json, write_text
from imbalens.store.tables import Table, write_table

PAGE = "index.html"
LISTED = "analyze.json"  # by which a folder is known for what `save` wrote


@dataclass(frozen=True)
class Told:
    """What one question found, as the stage of the same name writes it.

    Attributes:
        metrics: Figures; where the question cannot be asked, `status` and `reason`.
        tables: Declaration and rows of each table.
    """

    metrics: Mapping[str, Any]
    tables: tuple[tuple[Table, pd.DataFrame], ...] = ()


def file_of(table: Table) -> str:
    """Name the file of a kind of table, by the stage and what tells its tables apart."""
    if table.path.startswith("data/instances/"):
        return f"{table.stage}-instances"
    return table.stage + table.path.partition("{name}")[2].removesuffix(".csv")


@dataclass(frozen=True)
class Analysis:
    """What `imbalens.analyze` found.

    Attributes:
        names: Name of each class, that of images without any label included.
        metrics: By question the figures that its stage writes; None where one is not defined.
            Where a question cannot be asked, `status` is "not applicable", and `reason` says why.
        headline: The main figures, in a few lines.
        page: The page to look at the images with, as HTML.
    """

    names: tuple[str, ...]
    metrics: dict[str, dict[str, Any]] = field(repr=False)
    headline: tuple[str, ...] = field(repr=False)
    page: str = field(repr=False)
    _tables: Mapping[str, tuple[Table, pd.DataFrame]] = field(repr=False)

    @property
    def tables(self) -> tuple[str, ...]:
        """What the tables are called."""
        return tuple(self._tables)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table of that name; classes stand head first.

        Raises:
            InputError: if there is none of that name.
        """
        if name not in self._tables:
            raise InputError(f"table: found {name!r}; allowed: {', '.join(self.tables)}")
        return self._tables[name][1].reset_index(drop=True)

    def save(self, folder: str | Path) -> Path:
        """Write metrics/*.json, tables/*.csv and the page into a folder of their own.

        Args:
            folder: One that is not there, is empty, or holds nothing but what this wrote before.

        Returns:
            The page.

        Raises:
            InputError: if the folder holds something else, or cannot be written; it is then as
                it was.
        """
        place = Path(folder)
        with _whole_folder(place) as into:
            for question, metrics in self.metrics.items():
                write_json(into / f"metrics/{question}.json", metrics)
            for name, (table, frame) in self._tables.items():
                own = replace(table, path="{name}.csv")
                write_table(own, str(into / "tables" / name), frame)
            write_text(into / PAGE, self.page)
            files = sorted(path.relative_to(into).as_posix() for path in into.rglob("*.*"))
            write_json(into / LISTED, {"files": files})
        return place / PAGE


def require_own(folder: Path) -> None:
    """Refuse a folder that holds anything but what `Analysis.save` wrote there.

    Raises:
        InputError: naming what else is there.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name another")
    if Path.cwd().is_relative_to(folder.resolve()):  # which is put in the place of another
        raise InputError(f"{folder}: is the folder that this runs in; name another")
    found = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )
    strange = next((name for name in found if name not in {LISTED, *_listed(folder)}), None)
    if strange is not None:
        raise InputError(
            f"{folder}: holds {shown(strange)}, which analyze did not write; name another folder"
        )


def _listed(folder: Path) -> list[str]:
    """Return the files that a folder says were written there; none if it does not say."""
    try:
        files = json.loads((folder / LISTED).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside another, which takes its place when the block succeeds."""
    require_own(folder)
    final = folder.resolve()
    new, old = (final.with_name(f".{final.name}.{getpid()}.{what}") for what in ("new", "old"))
    try:
        new.mkdir(parents=True)
        yield new
        if final.exists():
            final.rename(old)
        new.rename(final)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); "
            "name another folder or free some space"
        ) from error
    finally:
        if old.exists() and not final.exists():
            old.rename(final)
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
