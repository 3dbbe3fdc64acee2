"""How fast saliency and colour groups of a training set are."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool
from torch import nn

from benchmarks.baselines import colours_by_pixel, saliency_one_by_one
from benchmarks.generated import N_CLASSES, generate_images, generate_tensors
from benchmarks.timing import Row, UnequalResultsError, measure, require_equal, speed_row
from imbalens.analysis.saliency_colours import COLOUR_GROUPS, classify_colours, top_pixels
from imbalens.attribution.saliency import input_gradient_saliency, saliency_ranks
from imbalens.models.build import build_model
from imbalens.params.runs import Ce, CifarResnet
from imbalens.training.batches import ImageTensors, plain_batches

FRACTION = 0.1
# Share of the salient pixels that may differ in single precision, where rounding turns a few of
# the millions of ReLUs on or off; in double precision none may.
ROUNDING = 1e-3

Salient = Bool[np.ndarray, "n h w"]


@dataclass(frozen=True)
class SaliencySize:
    """How many images are explained."""

    image_size: int
    n_images: int
    batch_size: int
    rounds: int


SALIENCY = SaliencySize(image_size=32, n_images=128, batch_size=128, rounds=3)
SALIENCY_QUICK = SaliencySize(image_size=32, n_images=8, batch_size=4, rounds=1)
COLOUR_IMAGES, COLOUR_ROUNDS = 256, 5
COLOUR_IMAGES_QUICK, COLOUR_ROUNDS_QUICK = 2, 1


def measure_saliency(*, quick: bool) -> list[Row]:
    """Compare batched saliency with one backward pass per image.

    Both choose the same pixels in double precision; in single precision, which is timed, rounding
    may move a few across the cut.
    """
    size = SALIENCY_QUICK if quick else SALIENCY
    torch.manual_seed(0)
    images = generate_tensors(size.n_images, size.image_size)
    model = build_model(CifarResnet(name="resnet32"), Ce(name="ce"), N_CLASSES).eval()
    n_top = int(FRACTION * size.image_size**2)
    exact = _programs(copy.deepcopy(model).double(), _doubled(images), size.batch_size, n_top)
    require_equal(exact["batched"](), exact["one by one"](), "salient pixels in double precision")
    seconds = measure(
        _programs(model, images, size.batch_size, n_top),
        check=_require_same_pixels,
        rounds=size.rounds,
    )
    return [
        speed_row(
            "saliency",
            f"saliency, ranks and top {n_top} pixels in batches of {size.batch_size}; "
            f"ResNet-32, {size.image_size} px",
            "one image at a time, with `backward()` and a sort",
            ours=seconds["batched"],
            theirs=seconds["one by one"],
            at_least=8.0,
        )
    ]


def measure_colours(*, quick: bool) -> list[Row]:
    """Compare the table of colour groups with a chain of tests per pixel."""
    n_images, rounds = (
        (COLOUR_IMAGES_QUICK, COLOUR_ROUNDS_QUICK) if quick else (COLOUR_IMAGES, COLOUR_ROUNDS)
    )
    images = generate_images(n_images, 32)
    values = np.arange(0, 256, 4, dtype=np.uint8)
    colours = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1).reshape(-1, 3)
    cells: list[set[tuple[int, int, int]]] = [set() for _ in COLOUR_GROUPS]
    for (red, green, blue), group in zip(
        (colours >> 2).tolist(), classify_colours(colours), strict=True
    ):
        cells[group].add((red, green, blue))
    seconds = measure(
        {
            "table": partial(classify_colours, images),
            "chain": partial(colours_by_pixel, images, cells),
        },
        check=partial(require_equal, what="colour groups"),
        rounds=rounds,
    )
    return [
        speed_row(
            "colours",
            f"colour group of every pixel of {n_images} images, 32 px",
            "chain of up to 14 tests per pixel in Python, on the same partition",
            ours=seconds["table"],
            theirs=seconds["chain"],
            at_least=30.0,
        )
    ]


def _programs(
    model: nn.Module, images: ImageTensors, batch_size: int, n_top: int
) -> dict[str, Callable[[], Salient]]:
    fast = copy.deepcopy(model).to(memory_format=torch.channels_last)
    normalized = images.normalized(images.images).contiguous()
    return {
        "batched": partial(_salient_pixels, fast, images, batch_size),
        "one by one": partial(saliency_one_by_one, model, normalized, n_top),
    }


def _doubled(images: ImageTensors) -> ImageTensors:
    return replace(images, mean=images.mean.double(), std=images.std.double())


def _salient_pixels(model: nn.Module, images: ImageTensors, batch_size: int) -> Salient:
    ranks = []
    for batch, labels in plain_batches(images, batch_size=batch_size):
        saliency = input_gradient_saliency(model, batch, labels, score="predicted")
        ranks.append(saliency_ranks(saliency).numpy().astype(np.uint16))
    return top_pixels(np.concatenate(ranks), fraction=FRACTION)


def _require_same_pixels(first: Salient, second: Salient) -> None:
    require_equal(first.sum(axis=(1, 2)), second.sum(axis=(1, 2)), "number of salient pixels")
    moved = (first & ~second).sum() / first.sum()
    if moved > ROUNDING:
        raise UnequalResultsError(f"salient pixels: {moved:.2%} differ, more than by rounding")
