"""Images as data URIs: thumbnails of prepared images, maps over them, figures of the stages."""

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from imbalens.reports.common.overlay import BOX_COLOUR, COLOURS
from imbalens.reports.page.results import PageExample
from imbalens.store.examples import Example

SMALL = 40
THUMBNAIL = 96
OVERLAY = 128
FIGURE_WIDTH = 1600
PALETTE_SIZE = 256
DRAWN_COLOURS = 8192  # a picture of more colours holds images, not only what was drawn
QUALITY = 80  # of those, in percent
EFFORT = 20  # of encoding the others, in percent


def thumbnail(image: UInt8[np.ndarray, "h w c"]) -> str:
    """Encode an image: a small one as it is, another as WebP of `THUMBNAIL` pixels at most."""
    picture = _picture(image)
    if max(picture.size) <= SMALL:
        return _encode(picture)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return _encode(picture, "webp", quality=QUALITY)


def framed(
    image: UInt8[np.ndarray, "s s c"],
    cam: Float[np.ndarray, "s s"] | None,
    boxes: Int[np.ndarray, "b 4"],
) -> str:
    """Encode an image under a map, in the colours of the stages' figures, with its boxes.

    Args:
        image: Grey (c = 1) or RGB (c = 3).
        cam: Map within [0, 1] in the pixels of the image; None leaves the image bare.
        boxes: x, y, width, height of each box in pixels of the image.
    """
    picture = _picture(image).convert("RGB").resize((OVERLAY, OVERLAY), Image.Resampling.NEAREST)
    if cam is not None:
        fine = Image.fromarray(cam.astype(np.float32)).resize(picture.size)
        colours = Image.fromarray(COLOURS(np.clip(np.asarray(fine), 0, 1), bytes=True))
        picture.paste(colours, mask=colours.getchannel("A"))
    drawing, scale = ImageDraw.Draw(picture), OVERLAY / len(image)
    for x, y, width, height in boxes.tolist():
        corners = [scale * x, scale * y, scale * (x + width) - 1, scale * (y + height) - 1]
        for margin, colour in ((1, "black"), (0, BOX_COLOUR)):
            left, top, right, bottom = corners
            frame = (left - margin, top - margin, right + margin, bottom + margin)
            drawing.rectangle(frame, outline=colour, width=1 + 2 * margin)
    return _encode(picture.quantize(PALETTE_SIZE, method=Image.Quantize.MEDIANCUT))


def encode_examples(
    examples: Sequence[Example], cams: Mapping[str, Float[np.ndarray, "e s s"]]
) -> list[PageExample]:
    """Encode annotated images, each alone and under the map of each run.

    Args:
        examples: The images.
        cams: Map of each within [0, 1], in the pixels of the image, by run.
    """
    return [
        PageExample(
            label=example.label,
            source=framed(example.image, None, example.boxes),
            cams={
                run: framed(example.image, maps[place], example.boxes)
                for run, maps in cams.items()
            },
        )
        for place, example in enumerate(examples)
    ]


def figure(content: bytes, *, max_width: int = FIGURE_WIDTH) -> tuple[str, int, int]:
    """Encode a PNG anew, smaller: lines and areas with 256 colours, images with losses.

    Args:
        content: The file.
        max_width: A wider figure is reduced to this many pixels.

    Returns:
        Data URI, width and height.
    """
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    drawn = picture.getcolors(DRAWN_COLOURS) is not None
    if picture.width > max_width:
        picture = picture.resize((max_width, round(picture.height * max_width / picture.width)))
    if not drawn:
        return _encode(picture, "webp", quality=QUALITY, method=1), *picture.size
    palette = picture.quantize(
        PALETTE_SIZE, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    # a third smaller than PNG; of a lossless picture the quality is how long it takes
    exact = _encode(palette.convert("RGB"), "webp", lossless=True, quality=EFFORT, method=1)
    return exact, *picture.size


def keep_within(sources: Sequence[str], *, limit: int) -> list[str]:
    """Leave out what would exceed a limit: the largest first, so that as many as can be stay.

    Args:
        sources: Data URIs.
        limit: Characters that all of them may have together.

    Returns:
        The same, with "" where one is left out.
    """
    kept, total = list(sources), sum(map(len, sources))
    for place in sorted(range(len(sources)), key=lambda place: -len(sources[place])):
        if total <= limit:
            break
        total -= len(sources[place])
        kept[place] = ""
    return kept


def _picture(image: UInt8[np.ndarray, "h w c"]) -> Image.Image:
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def _encode(picture: Image.Image, kind: str = "png", **options: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{b64encode(buffer.getvalue()).decode('ascii')}"
