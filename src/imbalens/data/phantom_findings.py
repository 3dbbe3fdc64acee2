"""How each finding looks in generated chest images, drawn in a box of any size.

As in `drawing`, only arithmetic and square roots, so that every machine draws the same bytes.
Grey tones go from 0 to 255, u across the box and v down from -1 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imbalens.data.drawing import Plane, soften, wave

HEART = 146.0
BRIGHT, DARK = 232.0, 14.0


@dataclass(frozen=True)
class Spot:
    """Where and how strongly one finding is drawn.

    Attributes:
        u: Across the box.
        v: Down the box.
        edge: Width of a pixel in u or v, whichever is wider.
        side: Where the chest's wall is: 1 right in the image, -1 left.
        starts: Where a texture starts across and down, 0 to 1.
    """

    u: Plane
    v: Plane
    edge: float
    side: float
    starts: tuple[float, float]


Drawn = tuple[Plane, Plane | float]  # share of each pixel that the finding covers, and its tone


def dome(u: Plane, v: Plane) -> Plane:
    """Return 1 in the middle, falling to 0 on the unit circle and beyond."""
    return np.maximum(1 - u * u - v * v, 0)


def _blob(spot: Spot, *, width: float) -> Plane:
    """Return a disc that fills the box, its rim `width` wide or half a pixel."""
    rim = max(width, spot.edge / 2)
    radius = np.sqrt(spot.u * spot.u + spot.v * spot.v)
    return np.clip((1 - radius) / np.float32(rim), 0, 1)


def _ripple(w: Plane, start: float, spot: Spot, *, period: float) -> Plane:
    """Return a wave that no image is too small to show."""
    return wave(w + start, period=max(period, 2.5 * spot.edge))


def _atelectasis(spot: Spot) -> Drawn:
    """Bright horizontal bands."""
    bands = soften(_ripple(spot.v, 0.0, spot, period=0.8) - 0.05, 0.3)
    return bands * np.clip(2.5 - 2.5 * np.abs(spot.u), 0, 1), BRIGHT


def _cardiomegaly(spot: Spot) -> Drawn:
    """A heart that fills the box."""
    return _blob(spot, width=0.12), HEART + 16


def _consolidation(spot: Spot) -> Drawn:
    """A patch without structure."""
    u, v = spot.u * spot.u, spot.v * spot.v
    return np.clip((1 - u * u - v * v) / 0.4, 0, 1) + 0 * u * v, 196.0


def _edema(spot: Spot) -> Drawn:
    """Haze on both sides of the middle."""
    return np.minimum(1.3 * dome((np.abs(spot.u) - 0.5) / 0.5, spot.v), 0.65), 190.0


def _effusion(spot: Spot) -> Drawn:
    """Fluid at the bottom that climbs the chest's wall."""
    wall = np.maximum(spot.side * spot.u + 0.3, 0)
    surface = 0.25 - 0.68 * wall * wall
    fluid = soften(spot.v - surface, max(0.15, spot.edge))
    return fluid * np.clip(3 + 3 * spot.side * spot.u, 0, 1), 208.0


def _emphysema(spot: Spot) -> Drawn:
    """Dark lungs of little contrast."""
    u, v = (np.abs(spot.u) - 0.57) / 0.43, spot.v
    return np.clip(3 - 3 * np.sqrt(u * u + v * v), 0, 0.9), 30.0


def _fibrosis(spot: Spot) -> Drawn:
    """A mesh."""
    first = _ripple(spot.u + spot.v, spot.starts[0], spot, period=0.62)
    second = _ripple(spot.u - spot.v, spot.starts[1], spot, period=0.62)
    mesh = soften(np.maximum(first, second) - 0.22, 0.3)
    return mesh * _blob(spot, width=0.35), BRIGHT


def _hernia(spot: Spot) -> Drawn:
    """A ring of tissue around air."""
    radius = np.sqrt(spot.u * spot.u + spot.v * spot.v)
    ring = soften(radius - 0.6, max(0.12, spot.edge))
    return _blob(spot, width=0.1), DARK + 30 + ring * (BRIGHT - DARK - 30)


def _infiltration(spot: Spot) -> Drawn:
    """Patches with gaps."""
    across = _ripple(spot.u + 0.4 * spot.v, spot.starts[0], spot, period=0.72)
    down = _ripple(spot.v - 0.3 * spot.u, spot.starts[1], spot, period=0.64)
    patches = soften(across + down, 0.5)
    return patches * _blob(spot, width=0.5), 192.0


def _mass(spot: Spot) -> Drawn:
    """A large disc, bright in its middle."""
    return np.minimum(1.8 * dome(spot.u, spot.v), 1), BRIGHT - 12


def _nodule(spot: Spot) -> Drawn:
    """A small disc with a sharp rim."""
    return _blob(spot, width=0.2), 255.0


def _pleural_thickening(spot: Spot) -> Drawn:
    """A rim along the chest's wall."""
    depth = spot.side * spot.u + 0.2 - spot.v * spot.v
    return soften(depth, max(0.3, spot.edge)), BRIGHT


def _pneumonia(spot: Spot) -> Drawn:
    """A cloud with dark dots, the airways."""
    across = _ripple(spot.u, spot.starts[0], spot, period=0.55)
    down = _ripple(spot.v, spot.starts[1], spot, period=0.55)
    dots = soften(across + down - 0.35, 0.3)
    return np.minimum(2 * dome(spot.u, spot.v), 1), 204 - 150 * dots


def _pneumothorax(spot: Spot) -> Drawn:
    """Air without structure, and the thin line of the lung's surface towards the middle."""
    u, v = 0.5 * (spot.side * spot.u - 1), spot.v
    radius = np.sqrt(u * u + v * v)
    line = np.clip(1 - np.abs(radius - 0.85) / max(0.1, spot.edge), 0, 1)
    return soften(0.95 - radius, max(0.1, spot.edge)), DARK + line * (BRIGHT - DARK)


LOOKS: dict[str, Callable[[Spot], Drawn]] = {
    "Atelectasis": _atelectasis,
    "Cardiomegaly": _cardiomegaly,
    "Consolidation": _consolidation,
    "Edema": _edema,
    "Effusion": _effusion,
    "Emphysema": _emphysema,
    "Fibrosis": _fibrosis,
    "Hernia": _hernia,
    "Infiltration": _infiltration,
    "Mass": _mass,
    "Nodule": _nodule,
    "Pleural_Thickening": _pleural_thickening,
    "Pneumonia": _pneumonia,
    "Pneumothorax": _pneumothorax,
}
