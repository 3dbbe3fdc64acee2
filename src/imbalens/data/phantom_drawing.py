"""Drawing generated chests: an anatomy of the patient, and findings inside given boxes.

As in `drawing`, only arithmetic and square roots, so that every machine draws the same bytes.
Grey tones go from 0 to 255, x and y from -1 to 1.
"""

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.drawing import Draws, Plane, make_generators, make_grid, soften, wave
from imbalens.data.phantom_findings import HEART, LOOKS, Spot, dome

AIR, LUNG, TISSUE, ABDOMEN = 14.0, 62.0, 112.0, 138.0
BONE = 26.0  # what ribs, collar bones and spine add
NOISE = 10.0  # largest change of a pixel
PORTABLE_CONTRAST = 0.8  # of AP views, relative to PA
ANATOMY_DRAWS, IMAGE_DRAWS = 10, 4  # numbers drawn per patient, and per image before its findings
FINDING_DRAWS = 3  # strength, and where a texture starts across and down


def draw_chests(
    places: Int[np.ndarray, "b 6"],
    portable: Bool[np.ndarray, " k"],
    patients: Int[np.ndarray, "k words"],
    seeds: Int[np.ndarray, "k words"],
    size: int,
) -> UInt8[np.ndarray, "k s s 1"]:
    """Draw chests, each from its own seeds; a finding changes no pixel outside its box.

    Args:
        places: Which image, which finding (position in `LOOKS`), and x, y, w, h in pixels.
        portable: Whether the view is AP: a larger heart and less contrast than PA.
        patients: Words that seed each patient's anatomy.
        seeds: Words that seed what differs between a patient's images.
        size: Side in pixels.
    """
    generators = make_generators(seeds)
    draw = Draws(generators, IMAGE_DRAWS)
    anatomy = Draws(make_generators(patients), ANATOMY_DRAWS)
    image = _draw_anatomy(anatomy, draw, portable[:, None, None], size)
    numbers = [g.random((len(LOOKS), FINDING_DRAWS)).tolist() for g in generators]
    looks = list(LOOKS.values())
    # large ones first, so that small ones stay visible; the rest of the order is arbitrary
    order = np.lexsort((*places.T, -places[:, 4] * places[:, 5]))
    for row, finding, x, y, w, h in places[order].tolist():
        strength, *starts = numbers[row][finding]
        window = image[row : row + 1, y : y + h, x : x + w]
        across, down = make_grid(w)[0], make_grid(h)[1]
        side = 1.0 if 2 * x + w > size else -1.0
        spot = Spot(across, down, 2 / min(w, h), side, (starts[0], starts[1]))
        cover, tone = looks[finding](spot)
        window += (0.75 + 0.25 * strength) * cover * (tone - window)
    gain = draw.uniform(0.92, 1.06)
    noise = np.stack([g.integers(0, 256, (2, size, size), dtype=np.uint8) for g in generators])
    grain = (noise[:, 0].astype(np.float32) + noise[:, 1]) * np.float32(NOISE / 255) - NOISE
    return np.clip(image * gain + grain + 0.5, 0, 255).astype(np.uint8)[..., None]


def _draw_anatomy(
    patient: Draws, pose: Draws, portable: Bool[np.ndarray, "k 1 1"], size: int
) -> Plane:
    """Return a chest without findings or noise."""
    grid_x, grid_y = make_grid(size)
    x = grid_x - pose.uniform(-0.03, 0.03) - patient.uniform(-0.02, 0.02)
    y = grid_y - pose.uniform(-0.04, 0.04) - patient.uniform(-0.04, 0.04)
    across = np.abs(x)
    pixel = 2 / size

    shoulders = np.clip(y * 1.7 + 1.75, 0.24, 0.9) * patient.uniform(0.94, 1.06)
    body = soften(shoulders - across, 3 * pixel)
    image = AIR + body * (TISSUE - 22 * across * across - AIR)

    lung, below = _draw_lungs(patient, x, y, pixel)
    image = image + body * below * (ABDOMEN - image)
    hilum = dome((across - 0.22) / 0.24, (y + 0.05) / 0.34)
    image = image + lung * (LUNG + 34 * hilum - image)

    slant = y + patient.uniform(0.22, 0.42) * across * across
    ribs = soften(wave(slant, period=0.21) - 0.18, 0.3)
    image = image + BONE * ribs * lung * soften(across - 0.12, 0.1)
    collar = soften(0.03 - np.abs(y + 0.72 - 0.22 * across), 2 * pixel)
    image = image + BONE * collar * body * soften(0.62 - across, 0.1)

    centre = soften(patient.uniform(0.12, 0.16) + 0.05 * y - across, 0.08) * body
    image = image + centre * (HEART - image)
    spine = soften(0.06 - across, 0.04) * body
    image = image + spine * BONE * (0.8 + 0.6 * wave(y, period=0.15))
    width = patient.uniform(0.26, 0.33) + 0.07 * portable
    u, v = (x - 0.13) / width, (y - 0.2) / patient.uniform(0.26, 0.32)
    heart = soften(1 - np.sqrt(u * u + v * v), 0.2)
    image = image + heart * (HEART - image)

    contrast = np.where(portable, np.float32(PORTABLE_CONTRAST), np.float32(1))
    return (image - 95) * contrast + 95


def _draw_lungs(patient: Draws, x: Plane, y: Plane, pixel: float) -> tuple[Plane, Plane]:
    """Return the shares of each pixel that lungs cover, and what lies below them."""
    half_width, base = patient.uniform(0.31, 0.36), patient.uniform(0.36, 0.48)
    lung, below = np.zeros_like(x * y), np.zeros_like(x * y)
    for side, lift in ((-1.0, 0.08), (1.0, 0.0)):  # the liver lifts the lung left in the image
        u = (side * x - 0.41) / half_width
        dome = base - lift + 0.14 * u * u - y
        top = np.minimum(y + 0.2, 0)  # lungs are narrow above
        v = top / 0.62
        shape = 1 - np.sqrt(u * u + v * v)
        above = soften(dome, 3 * pixel)
        lung = np.maximum(lung, soften(shape, 0.12) * above)
        below = np.maximum(below, soften(side * x, pixel) * (1 - above))
    return lung, below
