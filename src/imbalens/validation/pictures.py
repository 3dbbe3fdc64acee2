"""Pictures on the pages of docs/ are small copies of the shipped experiment's figures.

What a page links as `images/figures/STAGE/NAME.png` is a copy of `plots/figures/STAGE/NAME.png`.
It notes the MD5 of its figure, as dvc.lock has it, so that a clone without figures can tell
whether it is of those results.
"""

import hashlib
import io
import re
from pathlib import Path

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from imbalens.errors import InputError
from imbalens.store.files import write_bytes
from imbalens.validation.lock import read_lock

DOCS, COPIES, FIGURES = Path("docs"), Path("docs/images/figures"), Path("plots/figures")
LINK = re.compile(r"\]\((?:\.\./)?images/figures/([\w./-]+\.png)\)")
NOTE = "figure-md5"
MAX_SIDE, N_COLOURS = 900, 128  # pixels; what a page shows, in some tens of kilobytes


def copy_figures(root: Path) -> None:
    """Make copies of the figures that pages link, where these are others, and delete the rest.

    Raises:
        InputError: if a figure is missing or is not that of dvc.lock.
    """
    locked = _locked(root)
    linked = _linked(root)
    for name in linked:
        if _noted(root / COPIES / name) == locked.get(name):
            continue
        path = root / FIGURES / name
        content = path.read_bytes() if path.is_file() else b""
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if md5 != locked.get(name):
            raise InputError(f"{path}: missing, or not that of dvc.lock; run: dvc repro")
        write_bytes(root / COPIES / name, shrink(content, md5))
    for path in sorted((root / COPIES).rglob("*.png")):
        if path.relative_to(root / COPIES).as_posix() not in linked:
            path.unlink()


def find_stale_pictures(root: Path) -> list[str]:
    """Say which pictures are missing, of other results, or on no page."""
    locked, linked, copies = _locked(root), _linked(root), root / COPIES
    there = sorted(path.relative_to(copies).as_posix() for path in copies.rglob("*.png"))
    stale = [
        f"{name}: is not of the figure of dvc.lock"
        for name in linked
        if _noted(copies / name) != locked.get(name, "none")
    ]
    return stale + [f"{name}: is on no page" for name in there if name not in linked]


def shrink(content: bytes, md5: str) -> bytes:
    """Return a picture at the size of a page, with few colours and a note of what it is of.

    Args:
        content: A PNG file.
        md5: Its MD5.
    """
    with Image.open(io.BytesIO(content)) as figure:
        small = figure.convert("RGB")
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    note = PngImagePlugin.PngInfo()
    note.add_text(NOTE, md5)
    written = io.BytesIO()
    few = small.quantize(N_COLOURS, dither=Image.Dither.NONE)
    few.save(written, "PNG", optimize=True, pnginfo=note)
    return written.getvalue()


def _locked(root: Path) -> dict[str, str]:
    """Return the MD5 of each figure by its path within the folder of figures."""
    start = f"{FIGURES.as_posix()}/"
    outs = [out for stage in read_lock(root).values() for out in stage.outs.items()]
    return {path.removeprefix(start): md5 for path, md5 in outs if path.startswith(start)}


def _linked(root: Path) -> list[str]:
    pages = sorted((root / DOCS).rglob("*.md"))
    found = [name for page in pages for name in LINK.findall(page.read_text(encoding="utf-8"))]
    return list(dict.fromkeys(found))


def _noted(path: Path) -> str | None:
    """Return the MD5 of the figure that a copy is of, None if it does not say."""
    try:
        with Image.open(path) as picture:
            return picture.info.get(NOTE)
    except (FileNotFoundError, UnidentifiedImageError):
        return None
