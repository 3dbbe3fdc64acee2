"""DICOM files of one grey picture, such as an X-ray, as images of 8 bits; needs the extra `dicom`.

Source: DICOM PS3.3, C.7.6.3.1 (what pixels mean) and C.11.2.1 (windows).
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFile

from imbalens.errors import InputError
from imbalens.params.tables import Window

MAX_MESSAGE = 100  # characters of another program's


class DicomImageFile(ImageFile.ImageFile):
    """A DICOM file, of which the pixels are decoded when they are asked for.

    Attributes:
        window: Which values become 0 to 255, see `to_bytes`.
    """

    format = "DICOM"
    window: Window = "full"

    def _open(self) -> None:
        try:
            pydicom = import_module("pydicom")
        except ModuleNotFoundError as error:
            raise InputError(
                f"{error.name} is not installed, which reads DICOM files; run: "
                "pip install 'imbalens[dicom]', or convert the files to PNG"
            ) from error
        self._read = pydicom.dcmread
        self._data: Any = self._read(self.fp, stop_before_pixels=True)
        frames, samples = (
            int(self._data.get(key) or 1) for key in ("NumberOfFrames", "SamplesPerPixel")
        )
        kind = self._data.get("PhotometricInterpretation")
        if frames != 1 or samples != 1 or kind not in ("MONOCHROME1", "MONOCHROME2"):
            raise ValueError(
                f"found {frames} frames of {str(kind)[:MAX_MESSAGE]!r}; allowed: one of "
                "MONOCHROME1 or MONOCHROME2"
            )
        self._mode = "L"
        self._size = (int(self._data.Columns), int(self._data.Rows))

    def load(self) -> Any:  # noqa: ANN401 - what Pillow returns is no type of it
        """Decode the pixels."""
        if self._im is None:
            self.im = Image.fromarray(to_bytes(self._whole(), window=self.window)).im
        return Image.Image.load(self)

    def extent(self) -> tuple[float, float]:
        """Return the least and the largest value, 0 and 1 the bounds of what its bits can hold."""
        data = self._whole()
        places = _in_full(data, _unpack(data))
        return float(places.min()), float(places.max())

    def _whole(self) -> Any:  # noqa: ANN401 - what an optional package reads
        assert self.fp is not None  # before the image is closed
        self.fp.seek(0)
        return self._read(self.fp)


def decoder_version() -> str:
    """Return the version of what decodes, empty where it is not installed."""
    try:
        return version("pydicom")
    except PackageNotFoundError:
        return ""


def to_bytes(data: Any, *, window: Window) -> UInt8[np.ndarray, "h w"]:  # noqa: ANN401 - optional
    """Return the pixels of a DICOM data set as 8 bits, bright where they are meant to be.

    Args:
        data: What pydicom reads.
        window: `full`: 0 to 255 are all values that the stored bits can hold. `stored`: those of
            the first window that the file has, after rescaling by its slope and intercept.

    Raises:
        ValueError: if the pixels cannot be unpacked, or the window is missing or of no width.
    """
    values = _unpack(data)
    slope = _number(data, "RescaleSlope", 1.0)
    if window == "full":
        bright = _in_full(data, values)
        bright = 1 - bright if slope < 0 else bright
    else:
        bright = _in_window(data, values * slope + _number(data, "RescaleIntercept", 0.0))
    bright = 1 - bright if data.PhotometricInterpretation == "MONOCHROME1" else bright
    return np.round(255 * bright.clip(0, 1)).astype(np.uint8)


def _unpack(data: Any) -> Float[np.ndarray, "h w"]:  # noqa: ANN401 - optional
    """Return the values of the pixels as they are stored."""
    try:
        return data.pixel_array.astype(np.float64)
    except Exception as error:  # pydicom's decoders raise many kinds
        syntax = data.file_meta.TransferSyntaxUID.name
        problem = " ".join(str(error).split())[:MAX_MESSAGE]
        raise ValueError(
            f"its pixels, stored as {syntax!r}, cannot be unpacked: {problem}; save it "
            "uncompressed, or install what pydicom needs for them"
        ) from error


def _number(data: Any, key: str, otherwise: float) -> float:  # noqa: ANN401 - optional
    """Return a number of a data set, another where it is absent or empty."""
    found = data.get(key)
    return otherwise if found is None or found == "" else float(found)


def _in_full(data: Any, values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:  # noqa: ANN401
    """Return where values lie among all that the stored bits can hold, from 0 to 1."""
    bits, signed = int(data.BitsStored), int(data.PixelRepresentation)
    low = -(2 ** (bits - 1)) if signed else 0
    return (values - low) / (2**bits - 1)


def _in_window(data: Any, values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:  # noqa: ANN401
    """Return where values lie in the first window of a file, from 0 to 1 within it."""
    found = [np.ravel(data.get(key, ())) for key in ("WindowCenter", "WindowWidth")]
    if not all(each.size and each[0] is not None for each in found):
        raise ValueError("has no window; set source.window to full")
    centre, width = (float(each[0]) for each in found)
    function = data.get("VOILUTFunction", "LINEAR")
    if width < 1 or (function != "LINEAR" and width <= 0):
        raise ValueError(f"has a window of width {width}; set source.window to full")
    match function:
        case "LINEAR_EXACT":
            return (values - centre) / width + 0.5
        case "SIGMOID":
            return 1 / (1 + np.exp(-4 * (values - centre) / width))
        case _:
            return (values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5
