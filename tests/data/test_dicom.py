"""DICOM files as images: which values become 0 to 255, and what is refused."""

import importlib

import numpy as np
import pytest
from PIL import Image

from imbalens.data.decoding import Decoding
from imbalens.data.dicom import to_bytes
from imbalens.data.image_files import measure, open_image
from imbalens.data.prepare import prepare
from imbalens.data.table import open_table
from imbalens.errors import InputError
from imbalens.store.prepared import read_split
from tests.data.test_table import BOXES, ONE, table, write

pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom")

FORMATS = ("DICOM",)
RAMP = np.arange(0, 4096, 4096 // 32, dtype=np.uint16).reshape(4, 8)


def data_set(pixels=RAMP, *, bits=12, kind="MONOCHROME2", **others):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data, data.file_meta = Dataset(), FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, kind
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()
    for name, value in others.items():
        setattr(data, name, value)
    return data


def save(path, *args, **others):
    path.parent.mkdir(parents=True, exist_ok=True)
    data_set(*args, **others).save_as(path, enforce_file_format=True)
    return path


def test_the_full_range_is_that_of_the_stored_bits():
    read = to_bytes(data_set(), window="full")
    assert read.ravel().tolist() == [round(255 * value / 4095) for value in RAMP.ravel().tolist()]
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    assert (to_bytes(data_set(signed), window="full") == read).all()
    assert (to_bytes(data_set(kind="MONOCHROME1"), window="full") == 255 - read).all()
    turned = data_set(RescaleSlope=-1, RescaleIntercept=4095)
    assert (to_bytes(turned, window="full") == 255 - read).all()
    deep = to_bytes(data_set(bits=16), window="full")
    assert deep.max() == round(255 * 3968 / 65535)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1, 2])
def test_the_first_window_of_a_file_is_as_pydicom_applies_it(function, slope):
    from pydicom.pixels import apply_rescale, apply_windowing

    data = data_set(
        WindowCenter=[1500, 9], WindowWidth=[2000, 9], RescaleSlope=slope, RescaleIntercept=-100
    )
    if function:
        data.VOILUTFunction = function
    applied = apply_windowing(apply_rescale(data.pixel_array, data), data)
    low, high = -100, 4095 * slope - 100  # which pydicom stretches a window to
    expected = np.round(255 * (applied - low) / (high - low)).astype(int)
    assert np.abs(to_bytes(data, window="stored").astype(int) - expected).max() <= 1
    assert expected.min() < 30
    assert expected.max() > 225


def test_a_file_is_told_by_its_bytes_and_measured(tmp_path):
    path = save(tmp_path / "a.png")
    stored = measure(path, formats=FORMATS)
    assert (stored.width, stored.height, stored.orientation) == (8, 4, 1)
    grey = Decoding(8, "pad", channels=1, formats=FORMATS).read(path)
    assert grey.shape == (8, 8, 1)
    assert grey[0].max() == 0
    colour = Decoding(8, "pad", channels=3, formats=FORMATS).read(path)
    assert (colour == grey).all()
    with pytest.raises(InputError, match=r"a\.png: is DICOM; allowed: PNG, JPEG; convert"):
        Decoding(8).read(path)


def test_a_table_reads_dicom_beside_other_files(tmp_path, monkeypatch, make_dataset):
    monkeypatch.chdir(tmp_path)
    window = {"WindowCenter": 1024, "WindowWidth": 2048}
    save(tmp_path / "r/0.dcm", **window)
    save(tmp_path / "r/1.dcm", kind="MONOCHROME1", **window)
    Image.new("L", (8, 4), 7).save(tmp_path / "r/2.png")
    write(
        tmp_path / "r/labels.csv",
        "path,label,split",
        *(
            f"{name},{label},{split}"
            for name, label, split in (
                ("0.dcm", "a", "train"),
                ("1.dcm", "b", "train"),
                ("2.png", "a", "test"),
                ("3.dcm", "b", "test"),
            )
        ),
    )
    save(tmp_path / "r/3.dcm", **window)
    write(tmp_path / "r/boxes.csv", "path,label,x,y,w,h", "3.dcm,b,0,0,8,2")
    found = {}
    for name in ("full", "stored"):
        params = table(tmp_path / "r", labels=ONE, boxes=BOXES, channels=1, window=name)
        prepare(make_dataset(params), tmp_path / f"{name}.h5")
        found[name] = read_split(tmp_path / f"{name}.h5", "train").images
        assert read_split(tmp_path / f"{name}.h5", "test").images[0].max() == 7
        assert open_table(params, 8).test.boxes(np.arange(2)).tolist() == [[1, 1, 0, 0, 8, 4]]
    assert (
        np.abs(found["full"].sum(axis=0, dtype=int) - 255).max() <= 1
    )  # one is the other inverted
    assert found["stored"][0, 7, 7, 0] == 255 > found["full"][0, 7, 7, 0]


def lay_out(root, **others):
    for i, (label, split) in enumerate((each, one) for one in ("train", "test") for each in "ab"):
        save(root / f"{i}.dcm", RAMP + i, **others)
        with (root / "labels.csv").open("a", encoding="utf-8") as file:
            file.write(
                f"{'' if i else 'path,label,split' + chr(10)}{i}.dcm,{label},{split}{chr(10)}"
            )
    return table(root, channels=1)


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_files_that_use_little_of_their_range_are_told_of_windows(tmp_path, capsys, kind):
    params = lay_out(tmp_path / "r", kind=kind, bits=16, WindowCenter=2000, WindowWidth=4000)
    open_table(params, 8)
    assert capsys.readouterr().err == (
        f"{tmp_path / 'r'}: the values of its DICOM files fill 6.06% of the range that their bits "
        "can hold, less than a quarter: images will be dark, or of one grey; set source.window to "
        "stored if each file has a window\n"
    )
    open_table(params.model_copy(update={"window": "stored"}), 8)
    open_table(lay_out(tmp_path / "s", kind=kind, bits=12), 8)
    assert capsys.readouterr().err == ""


def test_bits_are_refused_where_files_say_themselves(tmp_path):
    params = lay_out(tmp_path / "r", bits=16)
    for window in ("full", "stored"):
        given = params.model_copy(update={"window": window})
        with pytest.raises(InputError, match=r"0\.dcm: is DICOM, which says itself .* is 12; set"):
            open_table(given, 8, bits=12)


def test_an_empty_slope_is_none():
    plain, empty = data_set(), data_set(RescaleSlope=None, RescaleIntercept=None)
    assert (to_bytes(empty, window="full") == to_bytes(plain, window="full")).all()


def test_a_file_is_measured_without_its_pixels(tmp_path):
    path = save(tmp_path / "a.dcm", np.zeros((400, 300), np.uint16))
    stored = measure(path, formats=FORMATS)
    assert (stored.width, stored.height) == (300, 400)
    with open_image(path, formats=FORMATS) as image:
        assert image.fp.tell() < 2000 < path.stat().st_size
        assert image.convert("L").size == (300, 400)


@pytest.mark.parametrize(
    ("changes", "window", "message"),
    [
        ({"NumberOfFrames": 2}, "full", "found 2 frames of 'MONOCHROME2'; allowed: one of MONO"),
        ({"kind": "RGB"}, "full", "found 1 frames of 'RGB'; allowed: one of MONOCHROME1 or"),
        ({"PixelData": RAMP.tobytes()[:20]}, "full", "its pixels, stored as 'Explicit VR Litt"),
        ({}, "stored", "has no window; set source.window to full"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "stored", "has a window of width 0.0; set source"),
    ],
)
def test_what_is_no_single_grey_picture_is_named(tmp_path, changes, window, message):
    path = save(tmp_path / "a.dcm", **changes)
    with pytest.raises(InputError) as caught:
        Decoding(8, formats=FORMATS, window=window).read(path)
    assert str(caught.value).startswith(f"{path}: cannot be decoded ({message}")
    assert len(str(caught.value)) < 500


def test_packed_pixels_without_what_unpacks_them_are_one_short_error(tmp_path):
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLSLossless

    data = data_set()
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = encapsulate([b"\xff\xd8nothing"])
    data["PixelData"].is_undefined_length = True
    path = tmp_path / "a.dcm"
    data.save_as(path, enforce_file_format=True)
    with pytest.raises(InputError) as caught:
        Decoding(8, formats=FORMATS).read(path)
    assert "its pixels, stored as 'JPEG-LS Lossless Image Compression', cannot be" in str(
        caught.value
    )
    assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_file_is_named_and_without_pydicom_it_says_what_to_install(
    tmp_path, monkeypatch
):
    path = save(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"a\.dcm: cannot be decoded \("):
        Decoding(8, formats=FORMATS).read(path)
    real = importlib.import_module
    monkeypatch.setattr("imbalens.data.dicom.import_module", lambda name: real(f"{name}_"))
    with pytest.raises(InputError, match=r"not installed.*pip install 'imbalens\[dicom\]'"):
        Decoding(8, formats=FORMATS).read(path)
