"""How fast image files are prepared, beside decoding them alone, and with how much memory."""

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from benchmarks.neighbors import watch_memory
from benchmarks.timing import Goal, Row, measure, ratio_row, require_equal, speed_row
from imbalens.data.prepare import prepare
from imbalens.params.datasets import Dataset
from imbalens.params.loading import complete
from imbalens.store.prepared import read_split

N_CLASSES = 4
SIZE, MEMORY_SIZE = 224, 160
Images = UInt8[np.ndarray, "n s s 3"]

NOISE = {"RGB": 8, "L": 1}  # standard deviation
SUFFIX = {"RGB": ".jpg", "L": ".png"}


@dataclass(frozen=True)
class Sizes:
    """How many images are prepared, and how large their files are.

    Attributes:
        photo: Width and height in pixels of the photographs.
        n_photos: Photographs.
        chest: Side in pixels of the chest images.
        n_chest: Chest images.
        small: Width and height in pixels of the images whose preparation's memory is watched.
        growth: How many of them, and how many more that are to take no more memory.
        rounds: Timed rounds.
    """

    photo: tuple[int, int]
    n_photos: int
    chest: int
    n_chest: int
    small: tuple[int, int]
    growth: tuple[int, int]
    rounds: int


FULL = Sizes(
    photo=(800, 600),
    n_photos=600,
    chest=1024,
    n_chest=120,
    small=(160, 160),
    growth=(2400, 9600),
    rounds=3,
)
QUICK = Sizes(
    photo=(64, 48),
    n_photos=16,
    chest=64,
    n_chest=8,
    small=(32, 32),
    growth=(16, 32),
    rounds=1,
)


def measure_preparation(*, quick: bool) -> list[Row]:
    """Compare `prepare` with decoding and resizing all files with all cores.

    Photographs are JPEG files, chest images grey PNG files, of smooth patches and some noise, so
    that the files are about as large as real ones.
    """
    sizes = QUICK if quick else FULL
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        photographs = _save(Path("photographs"), sizes.n_photos, sizes.photo, "RGB")
        chest = _save(Path("chest"), sizes.n_chest, (sizes.chest, sizes.chest), "L")
        for files, what in (
            (photographs, f"JPEG photographs of {sizes.photo[0]} x {sizes.photo[1]}"),
            (chest, f"PNG chest images of {sizes.chest} x {sizes.chest}"),
        ):
            seconds = measure(
                {"prepare": partial(_prepare, files), "decoding": partial(_decode, files)},
                check=_require_equal,
                rounds=sizes.rounds,
            )
            rows.append(
                speed_row(
                    "preparation",
                    f"`prepare`; {len(files)} {what} px, to {SIZE} px",
                    "decoding and resizing alone, all cores",
                    ours=seconds["prepare"],
                    theirs=seconds["decoding"],
                    at_least=0.90,
                )
            )
        rows.append(_measure_memory(sizes))
    return rows


def _measure_memory(sizes: Sizes) -> Row:
    """Compare the memory that many images take with that of fewer."""
    drawn = _save(Path("small"), N_CLASSES * 2, sizes.small, "RGB")
    linked = {n: _link(Path(f"{n}"), drawn, n) for n in sizes.growth}
    growth: dict[int, list[int]] = {n: [] for n in sizes.growth}
    for _ in range(sizes.rounds + 1):  # the first loads what both need
        for n, files in linked.items():
            with watch_memory() as peak:
                _write(files, Path("prepared.h5"), MEMORY_SIZE)
            growth[n].append(max(1, peak.growth))
    fewer, more = sizes.growth
    return ratio_row(
        "preparation",
        f"peak memory of `prepare`; {more:,} images",
        f"{fewer:,} images",
        np.divide(growth[more][1:], growth[fewer][1:]),
        Goal("<=", 1.25),
    )


def _save(root: Path, n: int, shape: tuple[int, int], mode: Literal["RGB", "L"]) -> Sequence[Path]:
    """Write image files as class folders hold them, the training images of each class first."""
    rng = np.random.default_rng(0)
    width, height = shape
    files: list[Path] = []
    for i in range(n):
        coarse = rng.integers(0, 256, (height // 32, width // 32, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize(shape, Image.Resampling.BICUBIC).convert(mode)
        noise = np.rint(rng.normal(0, NOISE[mode], np.asarray(smooth).shape))
        pixels = (np.asarray(smooth) + noise).clip(0, 255).astype(np.uint8)
        files.append(_place(root, i, n, SUFFIX[mode]))
        Image.fromarray(pixels).save(files[-1])
    return files


def _link(root: Path, files: Sequence[Path], n: int) -> Sequence[Path]:
    """Link to files again and again, under other names."""
    links = [_place(root, i, n, files[0].suffix) for i in range(n)]
    for i, link in enumerate(links):
        link.hardlink_to(files[i % len(files)])
    return links


def _place(root: Path, i: int, n: int, suffix: str) -> Path:
    split = "train" if i < n // 2 else "test"
    folder = root / split / f"class {i * 2 * N_CLASSES // n % N_CLASSES}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{i:05}{suffix}"


def _prepare(files: Sequence[Path]) -> Callable[[], Images]:
    """Prepare files; what is returned reads the images, in the order of the files."""
    path = Path("prepared.h5")
    _write(files, path, SIZE)

    def read() -> Images:
        splits = [read_split(path, split) for split in ("train", "test")]
        return np.concatenate([split.images[np.argsort(split.index)] for split in splits])

    return read


def _write(files: Sequence[Path], path: Path, size: int) -> None:
    dataset = {
        "source": {"name": "folder", "root": str(files[0].parents[2]), "digest": None},
        "image_size": size,
        "bits": 16,
        "imbalance": {
            "kind": "natural",
            "n_max": None,
            "selection": {"name": "seeded", "seed": 0},
        },
    }
    prepare(Dataset.model_validate(complete("datasets", dataset)), path)


def _decode(files: Sequence[Path]) -> Callable[[], Images]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = np.stack(list(pool.map(_decode_one, files)))
    return lambda: images


def _require_equal(ours: Callable[[], Images], theirs: Callable[[], Images]) -> None:
    require_equal(ours(), theirs(), what="images")


def _decode_one(path: Path) -> UInt8[np.ndarray, "s s 3"]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))
