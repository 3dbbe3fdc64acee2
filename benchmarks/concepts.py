"""How fast and frugal thresholds and concept counts of activation maps are."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from benchmarks.baselines import concepts_by_map
from benchmarks.neighbors import watch_memory
from benchmarks.timing import Goal, Row, measure, ratio_row, require_equal, speed_row
from imbalens.analysis.common.thresholds import channel_thresholds
from imbalens.analysis.concepts.concepts import concepts

Q = 0.01
N_CLASSES = 8
ALLOWED_BYTES = 200_000_000
# Of normal noise; about 68 % of the activations are then zero, as in a trained network.
REST = 0.47


@dataclass(frozen=True)
class ConceptsSize:
    """How many images and channels, and the sides of maps (cells) and images (pixels)."""

    n_images: int
    n_channels: int
    side: int
    image_size: int
    rounds: int


FULL = ConceptsSize(n_images=880, n_channels=64, side=28, image_size=224, rounds=3)
QUICK = ConceptsSize(n_images=40, n_channels=4, side=28, image_size=224, rounds=1)


def measure_concepts(*, quick: bool) -> list[Row]:
    """Compare with NumPy's quantiles and with labelling every map by itself."""
    size = QUICK if quick else FULL
    maps, boxes, masks = _generate(size)
    peaks: list[int] = []

    def count() -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        with watch_memory() as peak:
            counts = concepts(
                [(0, maps)],
                boxes,
                n_images=size.n_images,
                n_channels=size.n_channels,
                n_classes=N_CLASSES,
                image_size=size.image_size,
                q=Q,
                threshold_scope="dataset",
                batch_size=1,
                space="native",
                component="whole",
                connectivity=8,
                count_holes=False,
                normalize_by="image",
                n_peaks=5,
                n_top=8,
            ).counts
        peaks.append(peak.growth)
        return counts.disjoint_per_image, counts.unique_per_image

    thresholds = measure(
        {
            "ours": partial(channel_thresholds, maps, q=Q),
            "quantile": lambda: np.quantile(maps.astype(np.float64), 1 - Q, axis=(0, 2, 3)),
        },
        check=partial(require_equal, what="thresholds"),
        rounds=size.rounds,
    )
    counting = measure(
        {"ours": count, "every map": partial(concepts_by_map, maps, masks, Q)},
        check=_require_same_counts,
        rounds=size.rounds,
    )
    shape = " x ".join(map(str, maps.shape))
    what = f"thresholds, parts and channels in boxes; maps {shape}, share {Q:g}"
    return [
        speed_row(
            "concepts",
            f"thresholds of all channels; maps {shape}, share {Q:g}",
            "`np.quantile(axis=...)` in double precision, equal to the last bit",
            ours=thresholds["ours"],
            theirs=thresholds["quantile"],
            at_least=4.0,
        ),
        speed_row(
            "concepts",
            what,
            "`np.quantile` per channel, SciPy's `label` on every map",
            ours=counting["ours"],
            theirs=counting["every map"],
            at_least=5.0,
        ),
        ratio_row(
            "concepts",
            f"largest growth of resident memory during it; {what}",
            "0.2 GB",
            np.maximum(peaks, 4096) / ALLOWED_BYTES,
            Goal("<=", 1.0),
        ),
    ]


def _generate(
    size: ConceptsSize,
) -> tuple[Float[np.ndarray, "n k h w"], Int[np.ndarray, "n 6"], Bool[np.ndarray, "n h w"]]:
    """Draw smooth sparse maps, one box per image, and the cells that it covers."""
    rng = np.random.default_rng(0)
    shape = (size.n_images, size.n_channels, size.side, size.side)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), (0, 0, 1, 1))
    maps = np.maximum(noise / noise.std() - np.float32(REST), 0)
    # whole cells, so that the plain program needs no rounding
    cell = size.image_size // size.side
    extent = rng.integers(1, size.side // 2, (size.n_images, 2))
    corner = rng.integers(0, size.side - extent + 1)
    boxes = np.column_stack(
        [
            np.arange(size.n_images),
            rng.integers(0, N_CLASSES, size.n_images),
            corner * cell,
            extent * cell,
        ]
    )
    masks = np.zeros((size.n_images, size.side, size.side), dtype=bool)
    for mask, (x, y), (width, height) in zip(masks, corner, extent, strict=True):
        mask[y : y + height, x : x + width] = True
    return maps, boxes, masks


def _require_same_counts(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> None:
    for ours, theirs, what in zip(first, second, ("disjoint", "unique"), strict=True):
        require_equal(ours, theirs, f"{what} concepts")
