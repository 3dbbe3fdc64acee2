"""Datasets of an HDF5 file whose values are not in that file, or were never written.

HDF5 follows links to other files, reads external storage as raw bytes of any file that the user
may read, and gives fill values for whatever is absent.
"""

from math import ceil, prod
from typing import Any

import h5py

MAX_LINKS = 16  # followed on one way; in a circle there is no end


def find_foreign(group: h5py.Group, name: str) -> str | None:
    """Say what of a dataset is not within its file, without reading a value of it.

    Args:
        group: Where the name is looked up.
        name: Path of the dataset; soft links on the way are followed within the file.

    Returns:
        Text that goes on after the name, such as "is a link to another file, 'other.h5'"; None
        if all values are there, or no dataset is under that name.
    """
    dataset, problem = _resolve(group, name)
    if problem or not isinstance(dataset, h5py.Dataset):
        return problem
    if dataset.external:
        return f"is stored in another file, {dataset.external[0][0]!r}"
    if dataset.is_virtual:
        return "is a virtual dataset, made of others"
    return _find_unwritten(dataset)


def _resolve(group: h5py.Group, name: str) -> tuple[Any, str | None]:
    """Return what stands under a name, or what on the way to it leads out of the file."""
    found: Any = group
    parts, n_links = _parts(name), 0
    while parts:
        part = parts.pop()
        if part == "/":
            found = group.file
            continue
        if not isinstance(found, h5py.Group):
            return None, None
        try:
            link = found.get(part, getlink=True)
        except TypeError:  # links that programs define
            return None, f"is a link of unknown kind ({part!r})"
        if isinstance(link, h5py.ExternalLink):
            return None, f"is a link to another file, {link.filename!r}"
        if isinstance(link, h5py.SoftLink):
            n_links += 1
            if n_links > MAX_LINKS:
                return None, f"is found through more than {MAX_LINKS} links"
            parts += _parts(link.path)
        elif link is None:
            return None, None
        else:
            found = found[part]
    return found, None


def _parts(name: str) -> list[str]:
    """Return the parts of a path, the last one first; "/" stands for the root."""
    root = ["/"] if name.startswith("/") else []
    return [*root, *(part for part in name.split("/") if part not in ("", "."))][::-1]


def _find_unwritten(dataset: h5py.Dataset) -> str | None:
    """Say how much of a dataset reads as fill values because nothing was written there."""
    if not dataset.size:
        return None
    if dataset.chunks is None:
        return None if dataset.id.get_storage_size() else "was never written"
    sides = zip(dataset.shape, dataset.chunks, strict=True)
    n_chunks = prod(ceil(size / chunk) for size, chunk in sides)
    n_written = dataset.id.get_num_chunks()
    if n_written < n_chunks:
        return f"was never written in {n_chunks - n_written:,} of its {n_chunks:,} chunks"
    return None
