"""The same figure for dark pages: its colours exchanged, kept within the PNG of the light one.

A private chunk of the file (PNG, third edition, 5.4) holds the dark PNG whole. Viewers skip it;
the report shows it on dark paper.
"""

import io
import struct
import zlib
from typing import cast

import matplotlib
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colorizer import ColorizingArtist
from matplotlib.colors import to_hex, to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.typing import ColorType
from PIL import Image

from imbalens.reports.common import palette
from imbalens.reports.common.palette import Shade

CHUNK = b"imDK"  # ancillary, private, not to be copied with a changed image
HEAD = 8 + 25  # bytes of a PNG's signature and header
AS_IS = "as it is"  # gid of what keeps its colour on dark paper: that of pixels
ON = "on "  # begins the gid of text on an area, followed by the area's colour

# changes of both signs, around what is as light, or as dark, as the paper; after Crameri
DIVERGING, DIVERGING_DARK = matplotlib.colormaps["PuOr"], matplotlib.colormaps["berlin_r"]

_SHADES = [
    *(value for value in vars(palette).values() if isinstance(value, Shade)),
    *(*palette.RUNS, *palette.MEASURES, *palette.ARCHETYPES.values()),
    *(*palette.TIERS.values(), *palette.CLASSES.values()),
]
DARK = {
    **{to_hex(DIVERGING(step)): to_hex(DIVERGING_DARK(step)) for step in range(DIVERGING.N)},
    **{shade.light: shade.dark for shade in _SHADES},
    "#000000": palette.INK.dark,
}


def ink_on(colour: str) -> str:
    """Return the text colour, dark or light, that reads better on `colour`, on any paper."""
    red, green, blue = to_rgb(colour)
    return "#16181b" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#fdfdfd"


def darken(figure: Figure) -> None:
    """Exchange every colour of the palette in a figure for the same on dark paper."""
    for artist in figure.findobj():
        if artist.get_gid() != AS_IS:
            _darken(artist)


def with_dark(light: bytes, dark: bytes) -> bytes:
    """Return the PNG of a figure with that for dark paper in it."""
    checksum = zlib.crc32(CHUNK + dark)
    chunk = b"".join((struct.pack(">I", len(dark)), CHUNK, dark, struct.pack(">I", checksum)))
    return light[:HEAD] + chunk + light[HEAD:]


def find_dark(content: bytes) -> bytes | None:
    """Return the PNG for dark paper within a figure's PNG, None if there is none."""
    with Image.open(io.BytesIO(content)) as picture:
        chunks = getattr(picture, "private_chunks", [])
    return next((bytes(chunk[1]) for chunk in chunks if chunk[0] == CHUNK), None)


def _darken(artist: Artist) -> None:
    match artist:
        case Text():
            gid = artist.get_gid() or ""
            ground = gid.removeprefix(ON) if gid.startswith(ON) else ""
            artist.set_color(ink_on(_dark(ground)) if ground else _dark(artist.get_color()))
        case Line2D():
            edge, face = artist.get_markeredgecolor(), artist.get_markerfacecolor()
            artist.set_color(_dark(artist.get_color()))
            artist.set_markeredgecolor(_dark(edge))
            artist.set_markerfacecolor(_dark(face))
        case Patch():
            face, edge = artist.get_facecolor(), artist.get_edgecolor()
            artist.set_facecolor(_dark(face))
            artist.set_edgecolor(_dark(edge))
        case Collection() if artist.get_array() is None:
            faces, edges = artist.get_facecolor(), artist.get_edgecolor()
            artist.set_facecolor([_dark(face) for face in to_rgba_array(faces)])
            artist.set_edgecolor([_dark(edge) for edge in to_rgba_array(edges)])
        case ColorizingArtist() if artist.get_cmap().name == DIVERGING.name:
            artist.set_cmap(DIVERGING_DARK)
        case _:
            pass


def _dark(colour: object) -> str:
    """Return the colour on dark paper, as transparent as on light."""
    text = to_hex(cast("ColorType", colour), keep_alpha=True)
    return DARK.get(text[:7], text[:7]) + text[7:]
