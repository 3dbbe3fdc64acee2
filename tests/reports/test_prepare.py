import numpy as np
import pytest

from imbalens.reports.prepare import MAX_SAMPLES, draw_samples, samples_figure
from imbalens.store.examples import Example


def sample(title, value=9, channels=1, boxes=((1, 2, 3, 4),)):
    image = np.full((8, 8, channels), value, dtype=np.uint8)
    return Example(title, image, np.array(boxes, dtype=np.int64).reshape(-1, 4))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_drawn_with_its_class_and_boxes(channels):
    samples = [
        sample("a", 10, channels),
        sample("b", 20, channels, boxes=[]),
        sample("c", 30, channels, boxes=[(0, 0, 1, 2), (4, 4, 3, 3)]),
    ]
    axes = samples_figure(samples, dataset="d", n_classes=3).axes
    assert [cell.get_title() for cell in axes[:3]] == ["a", "b", "c"]
    assert [int(cell.images[0].get_array().max()) for cell in axes[:3]] == [10, 20, 30]
    frames = [[(f.get_x(), f.get_y(), f.get_width()) for f in cell.patches] for cell in axes[:3]]
    assert frames == [[(0.5, 1.5, 3)], [], [(-0.5, -0.5, 1), (3.5, 3.5, 3)]]


@pytest.mark.parametrize(("n", "n_cells"), [(0, 5), (1, 5), (5, 5), (6, 10), (MAX_SAMPLES, 15)])
def test_images_fill_lines_of_five_and_the_rest_stays_blank(n, n_cells):
    axes = samples_figure([sample(str(i)) for i in range(n)], dataset="d", n_classes=n).axes
    assert len(axes) == n_cells
    assert [bool(cell.images) for cell in axes] == [i < n for i in range(n_cells)]
    assert [cell.axison for cell in axes] == [i < n for i in range(n_cells)]


def test_the_title_says_of_what():
    title = samples_figure([], dataset="d (generated images)", n_classes=0).get_suptitle()
    assert title == "Prepared images · d (generated images)"


def test_the_title_says_how_many_classes_are_not_shown():
    samples = [sample("a"), sample("a"), sample("b")]
    title = samples_figure(samples, dataset="d", n_classes=121).get_suptitle()
    assert title == "Prepared images · d\n2 of 121 classes"


def test_files_are_byte_stable(tmp_path):
    for name in ("a.png", "b.png"):
        draw_samples([sample("x")], tmp_path / name, dataset="d", n_classes=1)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
