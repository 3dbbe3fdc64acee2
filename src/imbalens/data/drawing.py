"""Drawing one object per image: shape x texture x colour on a muted background.

Only arithmetic and square roots, and no sums of products in one call (whose order depends on the
processor), so that every machine draws the same bytes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

Plane = Float[np.ndarray, "#k #h #w"]
Column = Float[np.ndarray, "k 1 1"]

COLOURS = {  # clear examples of the colour groups that they are named after
    "blue": (45, 80, 225),
    "brown": (135, 80, 35),
    "dark green": (10, 90, 30),
    "green": (45, 175, 55),
    "light blue": (140, 195, 245),
    "light red": (250, 150, 150),
    "orange": (245, 150, 30),
    "red": (215, 35, 40),
    "yellow": (238, 208, 45),
}
CLUTTER = (0.08, 0.13)  # radius of a disc of any colour beside or under the object, likewise
PALE = (238, 236, 230)  # second tone of textures goes towards it
CONTRAST = 0.6  # of textures
RADII = (0.2, 0.34)  # of the object, as share of the image's side
TINT = 18.0  # largest change of a channel of the object's colour
NOISE = 28.0  # largest change of a pixel's channel
DRAWS = 32  # numbers drawn per image before its noise


@dataclass(frozen=True)
class Look:
    """Names of a shape, a texture and a colour."""

    shape: str
    texture: str
    colour: str


def draw_images(
    looks: Sequence[Look], seeds: Int[np.ndarray, "k words"], size: int
) -> UInt8[np.ndarray, "k h w 3"]:
    """Draw images, each from its own seed.

    Args:
        looks: What each shows.
        seeds: Words that seed each image's generator.
        size: Side in pixels.
    """
    generators = make_generators(seeds)
    draw = Draws(generators, DRAWS)
    coverage, u, v = _object(looks, draw, size)
    texture = _by_name(TEXTURES, [look.texture for look in looks], u, v)
    x, y = make_grid(size)
    horizon = soften(_slope(draw, x, y) - draw.uniform(-0.3, 0.3), 0.1)
    shades = [
        draw.uniform(50.0, 200.0) + draw.uniform(-60.0, 60.0) * _slope(draw, x, y) for _ in "ab"
    ]
    gain = draw.uniform(0.8, 1.15)
    clutter, clutter_colours = _clutter(draw, size)
    noise = np.stack(
        [g.integers(0, 256, (2, size, size, 3), dtype=np.uint8) for g in generators]
    ).astype(np.float32)
    noise = (noise[:, 0] + noise[:, 1]) * (NOISE / 255) - NOISE
    image = np.empty(noise.shape, np.uint8)
    colours = np.array([COLOURS[look.colour] for look in looks], np.float32)
    for channel in range(3):
        first, second = (shade + draw.uniform(-16.0, 16.0) for shade in shades)
        ground = first + horizon * (second - first)
        ground = ground + clutter * (clutter_colours[..., channel] - ground)
        tone = colours[:, channel, None, None] + draw.uniform(-TINT, TINT)
        tone = tone + CONTRAST * texture * (PALE[channel] - tone)
        value = (ground + coverage * (tone - ground)) * gain + noise[..., channel]
        image[..., channel] = np.clip(value + 0.5, 0, 255).astype(np.uint8)
    return image


def find_boxes(
    looks: Sequence[Look], seeds: Int[np.ndarray, "k words"], size: int
) -> Int[np.ndarray, "k 4"]:
    """Return x, y, w, h in pixels of the objects that `draw_images` draws."""
    coverage, _, _ = _object(looks, Draws(make_generators(seeds), DRAWS), size)
    visible = coverage >= 0.5
    starts_and_ends = []
    for axis in (1, 2):
        hit = np.asarray(visible.any(axis))
        starts_and_ends.append((hit.argmax(1), size - hit[:, ::-1].argmax(1)))
    (left, right), (top, bottom) = starts_and_ends
    return np.stack([left, top, right - left, bottom - top], axis=1).astype(np.int64)


def make_generators(seeds: Int[np.ndarray, "k words"]) -> list[np.random.Generator]:
    """Return a generator per image, whose numbers are the same on every machine."""
    return [np.random.Generator(np.random.PCG64([*map(int, words)])) for words in seeds]


class Draws:
    """Uniform numbers per image, taken one after the other from its generator."""

    def __init__(self, generators: Sequence[np.random.Generator], count: int) -> None:
        """Draw `count` numbers from each generator."""
        table = np.array([generator.random(count, np.float32) for generator in generators])
        self._columns: Iterator[np.ndarray] = iter(table.T)

    def uniform(self, low: float, high: float) -> Column:
        """Return one number between `low` and `high` for each image."""
        return np.float32(low) + np.float32(high - low) * next(self._columns)[:, None, None]


def make_grid(size: int) -> tuple[Plane, Plane]:
    """Return x and y of pixel centres, from -1 to 1."""
    steps = (np.arange(size, dtype=np.float32) * 2 + 1) / size - 1
    return steps[None, None, :], steps[None, :, None]


def _direction(draw: Draws) -> tuple[Column, Column]:
    a, b = draw.uniform(-1.0, 1.0), draw.uniform(0.01, 1.0)
    length = np.sqrt(a * a + b * b)
    return a / length, b / length


def _slope(draw: Draws, x: Plane, y: Plane) -> Plane:
    a, b = _direction(draw)
    return a * x + b * y


def _object(looks: Sequence[Look], draw: Draws, size: int) -> tuple[Plane, Plane, Plane]:
    """Return the share of each pixel that the object covers, and the object's coordinates."""
    radius = draw.uniform(2 * RADII[0], 2 * RADII[1])
    x, y = make_grid(size)
    x = x - (1 - radius) * draw.uniform(-1.0, 1.0)
    y = y - (1 - radius) * draw.uniform(-1.0, 1.0)
    a, b = _direction(draw)
    u, v = (b * x - a * y) / radius, (a * x + b * y) / radius
    distance = _by_name(SHAPES, [look.shape for look in looks], u, v)
    return soften(-distance * radius, 2 / size), u, v


def _clutter(draw: Draws, size: int) -> tuple[Plane, Float[np.ndarray, "k 1 1 3"]]:
    """Return the share of each pixel that a small disc covers, and its colour."""
    radius = draw.uniform(2 * CLUTTER[0], 2 * CLUTTER[1])
    x, y = make_grid(size)
    x, y = x - draw.uniform(-0.8, 0.8), y - draw.uniform(-0.8, 0.8)
    palette = np.array(list(COLOURS.values()), np.float32)
    colour = draw.uniform(0.0, float(len(palette))).astype(np.int64) % len(palette)
    return soften(radius - np.sqrt(x * x + y * y), 2 / size), palette[colour]


def soften(depth: Plane, width: float) -> Plane:
    """Return 0 outside, 1 inside, and a ramp of `width` where `depth` is about zero."""
    return np.clip(depth / np.float32(width) + np.float32(0.5), 0, 1)


def _by_name(
    functions: dict[str, Callable[[Plane, Plane], Plane]], names: Sequence[str], u: Plane, v: Plane
) -> Plane:
    """Apply to each image the function that is named for it."""
    result = np.empty_like(u)
    for name in sorted(set(names)):
        rows = np.array([other == name for other in names])
        result[rows] = functions[name](u[rows], v[rows])
    return result


def _polygon(u: Plane, v: Plane, *, corners: int) -> Plane:
    """Distance to a regular polygon of circumradius 1, negative inside."""
    angles = [2 * math.pi * (side + 0.5) / corners for side in range(corners)]
    sides = [round(math.cos(t), 6) * v + round(math.sin(t), 6) * u for t in angles]
    return np.maximum.reduce(sides) - round(math.cos(math.pi / corners), 6)


def _rectangle(u: Plane, v: Plane, *, half_width: float, half_height: float) -> Plane:
    return np.maximum(np.abs(u) - half_width, np.abs(v) - half_height)


def wave(u: Plane, *, period: float) -> Plane:
    """Triangle wave of height 1/2 about zero."""
    phase = u / np.float32(period)
    return np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2 - np.float32(0.5)


SHAPES: dict[str, Callable[[Plane, Plane], Plane]] = {
    "bar": lambda u, v: _rectangle(u, v, half_width=0.95, half_height=0.36),
    "cross": lambda u, v: np.minimum(
        _rectangle(u, v, half_width=0.95, half_height=0.32),
        _rectangle(u, v, half_width=0.32, half_height=0.95),
    ),
    "disc": lambda u, v: np.sqrt(u * u + v * v) - np.float32(0.92),
    "pentagon": lambda u, v: _polygon(u, v, corners=5),
    "ring": lambda u, v: np.abs(np.sqrt(u * u + v * v) - np.float32(0.7)) - np.float32(0.25),
    "square": lambda u, v: _polygon(u, v, corners=4),
    "star": lambda u, v: np.minimum(_polygon(u, v, corners=3), _polygon(u, -v, corners=3)),
    "triangle": lambda u, v: _polygon(u, v, corners=3),
}

TEXTURES: dict[str, Callable[[Plane, Plane], Plane]] = {
    "plain": lambda u, v: np.zeros_like(u + v),
    "striped": lambda u, v: soften(wave(v, period=0.55) - np.float32(0.2), 0.4) + 0 * u,
    "checked": lambda u, v: soften(wave(u, period=0.9) * wave(v, period=0.9), 0.1),
    "dotted": lambda u, v: soften(
        wave(u, period=0.6) + wave(v, period=0.6) - np.float32(0.4), 0.3
    ),
}
