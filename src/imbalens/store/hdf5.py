"""HDF5 files whose schema is declared once, written whole or not at all, checked on reading."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.store.files import atomic_path, jsonable
from imbalens.store.hdf5_links import find_foreign

SPLIT = "{split}/"

Kind = Literal["text", "texts", "integer", "integers", "number", "numbers"]
_TYPES = {"text": str, "integer": int, "number": (int, float)}


@dataclass(frozen=True)
class Variable:
    """One dataset of a file. One declared several times may be of any of these forms.

    Attributes:
        name: Path within the file; `{split}/` at its start stands for each split that the file
            lists in its attribute `splits`.
        dtype: Name of a numpy type, or "str" for variable-length text.
        dims: Name of each dimension, or its size in digits. A name means the same size within
            a split; names outside the splits hold in all of them.
        meaning: What a value is, with its unit.
        optional: Whether a file may lack it.
    """

    name: str
    dtype: str
    dims: tuple[str, ...]
    meaning: str
    optional: bool = False


@contextmanager
def create(path: Path, schema_name: str, version: int) -> Iterator[h5py.File]:
    """Yield a new file that gets its final name when the block succeeds.

    Datasets are to be created with `track_times=False`, so that a rerun gives the same bytes.
    Attributes may be of any size, such as the names of thousands of classes.

    Args:
        path: Final path.
        schema_name: What kind of file it is.
        version: Version of this kind's schema.

    Raises:
        InputError: if it cannot be written, such as on a full disk.
    """
    try:
        with atomic_path(path) as temporary, _GuardedFile(temporary, "w+") as guarded:
            try:
                # HDF5's oldest format, the default, refuses attributes above 64 KB
                with h5py.File(guarded, "w", libver="v108") as file:
                    file.attrs["schema"], file.attrs["version"] = schema_name, version
                    yield file
            finally:  # whatever else went wrong then is only what followed
                guarded.raise_failure()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "free some space or choose another place, then run the stage again"
        ) from error


class _GuardedFile(FileIO):
    """A file that HDF5 writes through, because it crashes where closing fails on a full disk.

    The first failure is kept and all later writing passes for done, so that HDF5 can close.
    """

    _failure: OSError | None = None

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - any buffer
        """Write all of `content`."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        while rest and not self._failure:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self._failure = error
        return size

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        """Fill `buffer`; what is not in the file reads as zeros, as HDF5's own drivers have it.

        HDF5 reads back what it wrote. Where a failure kept that from the file, bytes left as they
        are would be taken for addresses.
        """
        view = memoryview(buffer).cast("B")
        n_read = super().readinto(view) or 0
        view[n_read:] = bytes(len(view) - n_read)
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size of the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._failure = self._failure or error
            return size or 0

    def raise_failure(self) -> None:
        """Raise what went wrong first, if anything did."""
        if self._failure:
            raise self._failure


@contextmanager
def open_checked(
    path: Path,
    schema_name: str,
    version: int,
    variables: Sequence[Variable],
    *,
    command: str,
    needs: Sequence[str] = (),
    attributes: Mapping[str, Kind] | None = None,
) -> Iterator[Any]:
    """Yield an h5py.File for reading whose datasets and attributes are as declared.

    It is typed loosely, because h5py's types cannot know what stands under a name.

    Args:
        path: File to read.
        schema_name: What kind of file it must be.
        version: Version of the schema that this program reads.
        variables: Declared datasets; others may be there too.
        command: What to run to get the file right; closes every message.
        needs: Splits that must be there.
        attributes: Attributes that must be there, and what each holds.

    Raises:
        InputError: if the file is absent, damaged, of another kind, or not as declared.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; run: {command}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path} is damaged or not an HDF5 file ({error}); run: {command}"
        ) from error
    with file:
        try:
            named: dict[str, Kind] = dict(attributes or {})
            if "splits" in file.attrs:
                named["splits"] = "texts"
            problem = _find_problem(file, schema_name, version, variables, needs, named)
        except Exception as error:  # h5py raises any kind at bytes that are not HDF5's
            raise InputError(f"{path} is damaged ({error}); run: {command}") from error
        if problem:
            raise InputError(f"{path} {problem}; run: {command}")
        yield file


def _find_problem(
    file: h5py.File,
    schema_name: str,
    version: int,
    variables: Sequence[Variable],
    needs: Sequence[str],
    attributes: Mapping[str, Kind],
) -> str | None:
    """Say what is wrong with a file first of all, None if nothing."""
    schema = [jsonable(file.attrs.get(name)) for name in ("schema", "version")]
    if schema != [schema_name, version]:
        return (
            f"is of schema {schema[0]!r} version {schema[1]} (wanted: {schema_name!r} {version})"
        )
    for attribute, kind in attributes.items():
        if attribute not in file.attrs:
            return f"has no attribute {attribute!r} (found: {_listed(list(file.attrs))})"
        found = jsonable(file.attrs[attribute])
        if not _is_of(kind, found):
            return f"has {shown(found)} as {attribute!r} (wanted: {kind})"
    splits = [str(split) for split in file.attrs.get("splits", [])]
    for split in needs:
        if split not in splits:
            return f"has no split {split!r} (found: {_listed(splits)})"
    common: dict[str, tuple[int, str]] = {}
    outside = [variable for variable in variables if not variable.name.startswith(SPLIT)]
    within = [variable for variable in variables if variable.name.startswith(SPLIT)]
    problem = _check(file, outside, common)
    for split in splits:
        named = [replace(v, name=v.name.replace(SPLIT, f"{split}/", 1)) for v in within]
        problem = problem or _check(file, named, dict(common))
    return problem


def _is_of(kind: str, found: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    """Tell whether a value, or each of several, is of a kind; numbers are finite."""
    if kind.endswith("s"):
        return isinstance(found, list) and all(_is_of(kind[:-1], each) for each in found)
    return isinstance(found, _TYPES[kind]) and not isinstance(found, bool)


def _check(
    file: h5py.File, variables: Sequence[Variable], sizes: dict[str, tuple[int, str]]
) -> str | None:
    """Compare datasets with their declaration; `sizes` collects (size, dataset) per dimension."""
    for name, forms in groupby(variables, key=lambda variable: variable.name):
        declared = list(forms)
        foreign = find_foreign(file, name)
        if foreign:
            return f"has {name!r}, which {foreign}"
        dataset = file.get(name)
        if not isinstance(dataset, h5py.Dataset):
            if declared[0].optional and dataset is None:
                continue
            return f"has no dataset {name!r} (found: {_found_beside(file, name)})"
        problems = []
        for form in declared:
            tried = dict(sizes)
            problem = _compare(dataset, form, tried)
            if problem is None:
                sizes.update(tried)
                break
            problems.append(problem)
        else:
            return "; or ".join(problems)
    return None


def _compare(
    dataset: h5py.Dataset, variable: Variable, sizes: dict[str, tuple[int, str]]
) -> str | None:
    """Say what is wrong with one dataset, None if nothing; adds its dimensions to `sizes`."""
    name = variable.name
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    found = "str" if is_text else dataset.dtype.name
    if found != variable.dtype:
        return f"has {found} in {name!r} (wanted: {variable.dtype})"
    wanted = f"[{' '.join(variable.dims)}]"
    if len(dataset.shape) != len(variable.dims):
        return f"has shape {dataset.shape} in {name!r} (wanted: {wanted})"
    for dim, size in zip(variable.dims, dataset.shape, strict=True):
        declared = (int(dim), "the schema") if dim.isdigit() else (size, name)
        expected, place = sizes.setdefault(dim, declared)
        if size != expected:
            return f"has {dim} = {size} in {name!r} {wanted}, but {expected} in {place!r}"
    return None


def _found_beside(file: h5py.File, name: str) -> str:
    """List what the deepest existing group on the way to `name` holds."""
    group: h5py.Group = file
    for part in name.split("/"):
        child = group.get(part)
        if not isinstance(child, h5py.Group):
            break
        group = child
    return _listed(list(group))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"


def read_text(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Read a dataset of variable-length text."""
    return tuple(np.asarray(dataset.asstr()[:], dtype=object).tolist())
