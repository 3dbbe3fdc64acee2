import numpy as np
import pytest
from matplotlib.figure import Figure

from imbalens.reports.common.dark import ink_on
from imbalens.reports.common.style import (
    add_legend,
    add_title,
    head_and_tail,
    save,
    show_image,
)


@pytest.mark.parametrize("count", [1, 10, 12])
def test_few_classes_are_all_shown(count):
    names = [f"c{i}" for i in range(count)]
    assert head_and_tail(names) == (names, "")


def test_many_classes_show_both_ends_and_the_note_says_so():
    shown, note = head_and_tail([f"c{i}" for i in range(100)])
    assert shown == ["c0", "c1", "c2", "c3", "c4", "c95", "c96", "c97", "c98", "c99"]
    assert note == "5 largest and 5 smallest of 100 classes"


def test_titles_are_as_wide_as_their_figure_and_leave_out_empty_notes():
    figure = Figure(figsize=(2, 2))
    add_title(figure, "one two three four five", "", "six")
    assert figure.get_suptitle() == "one two three four\nfive\nsix"


def test_ink_contrasts_with_its_ground():
    assert ink_on("#ffffff") == "#16181b"
    assert ink_on("#332288") == "#fdfdfd"


def test_legends_leave_nothing_out():
    axes = Figure().subplots()
    bars = {name: axes.bar(0, 1) for name in ("_hidden", "__", "a")}
    add_legend(axes, bars, loc="upper right")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(bars)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_shown_pixel_by_pixel(channels):
    image = np.arange(4 * channels, dtype=np.uint8).reshape(2, 2, channels)
    axes = Figure().subplots()
    show_image(axes, image)
    (shown,) = axes.images
    assert shown.get_interpolation() == "nearest"
    assert np.array_equal(np.asarray(shown.get_array()), np.broadcast_to(image, (2, 2, 3)))


def test_a_missing_image_says_none():
    axes = Figure().subplots()
    show_image(axes, None)
    assert [text.get_text() for text in axes.texts] == ["none"]


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    written = []
    for name in ("first.png", "second.png"):
        figure = Figure(figsize=(2, 2), layout="constrained")
        figure.subplots().plot([0, 1], [1, 0])
        save(figure, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"\x89PNG")
    assert b"matplotlib" not in written[0].lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.png", "second.png"]
