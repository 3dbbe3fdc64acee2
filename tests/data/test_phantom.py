import hashlib
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.nih_boxes import boxes_of
from imbalens.data.nih_tables import FINDINGS, read_tables
from imbalens.data.phantom import EACH_FINDING, PLACES, choose_sample, find_places, open_phantom
from imbalens.data.phantom_drawing import draw_chests
from imbalens.data.phantom_findings import LOOKS
from imbalens.errors import InputError
from imbalens.params.sources import Binary, Multilabel, PhantomCxr

GOLDEN = "45a8eb0f94cfda12f03931412993ee8e54077c95c7193756f453b1d7353b3b32"


@pytest.fixture(scope="module")
def tables():
    return read_tables(None)


@pytest.fixture(scope="module")
def source():
    return open_phantom(make_params(), 64)


def make_params(task=None, **changes):
    numbers = {"train_images": 60, "test_images": 41, "seed": 3, **changes}
    return PhantomCxr(name="phantom_cxr", task=task or EACH_FINDING, **numbers)


def draw(places, size=64, *, image=0):
    """Draw one chest with some findings."""
    seeds = np.array([[5, image]])
    rows = np.array([[0, *place] for place in places], dtype=np.int64).reshape(-1, 6)
    return draw_chests(rows, np.array([False]), seeds, seeds, size)[0, ..., 0].astype(int)


def test_looks_and_places_are_those_of_the_findings():
    assert tuple(LOOKS) == tuple(PLACES) == FINDINGS


def test_placed_boxes_have_the_median_size_of_the_list(tables):
    for finding in np.unique(tables.box_findings):
        median = np.median(tables.boxes[tables.box_findings == finding, 2:], axis=0)
        place = PLACES[FINDINGS[finding]]
        assert np.abs(median - (place.width, place.height)).max() < 1, FINDINGS[finding]


def test_the_sample_has_the_labels_patients_views_and_boxes_of_the_table(source, tables):
    row_of = {name: row for row, name in enumerate(tables.names)}
    n_boxes = 0
    for split in (source.train, source.test):
        rows = [row_of[name.removesuffix(" (generated)")] for name in split.names]
        assert (split.labels == tables.labels[rows]).all()
        assert split.patients.tolist() == tables.patients[rows].tolist()
        assert list(split.views) == [tables.views[row] for row in rows]
        found = [tuple(box) for box in split.boxes(np.arange(len(rows))).tolist()]
        expected = []
        for image, finding, (x, y, w, h) in zip(
            tables.box_images, tables.box_findings, tables.boxes / 16, strict=True
        ):
            if image in rows:
                left, top = int(x + 0.5), int(y + 0.5)
                size = int(x + w + 0.5) - left, int(y + h + 0.5) - top
                expected.append((rows.index(image), finding, left, top, *size))
        assert sorted(found) == sorted(expected)
        n_boxes += len(found)
    assert n_boxes >= 20


def test_counts_and_facts_are_those_asked_for(source):
    assert (len(source.train.names), len(source.test.names)) == (60, 41)
    assert len(set(source.test.boxes(np.arange(41))[:, 0])) == 20
    assert len(source.train.boxes(np.arange(60))) == 0
    assert source.facts["test_images_with_boxes"] == 20
    assert "generated" in source.facts
    assert (source.task, source.channels, source.class_names) == ("multilabel", 1, FINDINGS)


@pytest.mark.parametrize("seed", range(4))
def test_no_patient_is_in_both_splits(tables, seed):
    train, test = choose_sample(tables, train_images=3000, test_images=1000, seed=seed)
    assert not set(tables.patients[train]) & set(tables.patients[test])
    assert not np.isin(train, tables.box_images).any()
    assert np.isin(test, tables.box_images).sum() == 500
    assert (len(set(train)), len(set(test))) == (3000, 1000)


def test_all_annotated_images_serve_where_half_would_be_more(tables):
    _, test = choose_sample(tables, train_images=10, test_images=2000, seed=0)
    assert np.isin(test, tables.box_images).sum() == 880


def test_more_images_than_there_are_is_an_error():
    with pytest.raises(InputError, match=r"source\.train_images: needs 200000 images .* ask for"):
        open_phantom(make_params(train_images=200_000), 8)


def test_the_label_no_finding_is_the_absence_of_others():
    params = make_params(Multilabel(name="multilabel", include_no_finding=True))
    labels = open_phantom(params, 8).train.labels
    assert (labels[:, 14] == 1 - labels[:, :14].max(1)).all()


def test_a_binary_sample_has_the_same_images_and_boxes_of_one_class(source):
    binary = open_phantom(make_params(Binary(name="binary")), 64)
    positions = np.arange(41)
    assert binary.class_names == ("Unhealthy",)
    assert (binary.test.labels[:, 0] == source.test.labels.max(1)).all()
    assert (binary.test.read(positions) == source.test.read(positions)).all()
    boxes, expected = binary.test.boxes(positions), source.test.boxes(positions)
    assert (boxes[:, 1] == 0).all()
    assert (boxes[:, [0, 2, 3, 4, 5]] == expected[:, [0, 2, 3, 4, 5]]).all()


@settings(deadline=None, max_examples=15)
@given(order=st.permutations(range(12)), count=st.integers(1, 12))
def test_an_image_and_its_boxes_depend_on_its_position_only(source, order, count):
    chosen = np.array(order[:count])
    together = source.test.read(np.arange(12))
    assert (source.test.read(chosen) == together[chosen]).all()
    boxes, expected = source.test.boxes(chosen), source.test.boxes(np.arange(12))
    for at, position in enumerate(chosen):
        here = boxes[boxes[:, 0] == at, 1:]
        assert (here == expected[expected[:, 0] == position, 1:]).all()


def test_a_larger_sample_draws_its_images_alike(source):
    larger = open_phantom(make_params(test_images=1760), 64)  # all that have boxes
    common = sorted(set(source.test.names) & set(larger.test.names))
    assert len(common) >= 20
    images = [
        split.read(np.array([list(split.names).index(name) for name in common]))
        for split in (source.test, larger.test)
    ]
    assert (images[0] == images[1]).all()


def test_images_of_another_seed_differ(tables):
    rows = np.array([0, 1])
    first, second = (find_places(tables, rows, seed=seed, size=64) for seed in (0, 1))
    assert (first[:, :2] == second[:, :2]).all()
    assert (first != second).any()


def test_findings_are_drawn_in_their_boxes_or_at_a_place_of_their_own(tables):
    rows = np.concatenate([np.unique(tables.box_images)[:300], np.arange(300)])
    places = find_places(tables, rows, seed=0, size=64)
    drawn = np.zeros((len(rows), 14), dtype=np.uint8)
    drawn[places[:, 0], places[:, 1]] = 1
    assert (drawn == tables.labels[rows]).all()
    in_list = boxes_of(tables, EACH_FINDING, rows, size=64)
    assert {tuple(box) for box in in_list.tolist()} <= {tuple(box) for box in places.tolist()}
    assert (places[:, 2:4] >= 0).all()
    assert (places[:, 2:4] + places[:, 4:] <= 64).all()


@pytest.mark.parametrize("finding", range(14), ids=FINDINGS)
def test_a_finding_changes_its_box_clearly_and_nothing_else(tables, finding):
    rows = np.flatnonzero(tables.labels[:, finding])[:15]
    boxed = np.unique(tables.box_images[tables.box_findings == finding])
    places = find_places(tables, np.union1d(rows, boxed), seed=1, size=64)
    for image, (_, _, x, y, w, h) in enumerate(places[places[:, 1] == finding].tolist()):
        with_it = draw([(finding, x, y, w, h)], image=image)
        change = np.abs(with_it - draw([], image=image))
        inside = change[y : y + h, x : x + w].copy()
        change[y : y + h, x : x + w] = 0
        assert change.max() == 0
        assert inside.max() > 25, (x, y, w, h)


@settings(deadline=None, max_examples=30)
@given(
    finding=st.integers(0, 13),
    size=st.integers(8, 40),
    corners=st.tuples(*[st.floats(0, 0.99)] * 4),
)
def test_a_box_of_any_size_can_be_drawn(finding, size, corners):
    (x, right), (y, bottom) = (
        sorted(int(corner * size) for corner in corners[:2]),
        sorted(int(corner * size) for corner in corners[2:]),
    )
    change = draw([(finding, x, y, right - x + 1, bottom - y + 1)], size) != draw([], size)
    change[y : bottom + 1, x : right + 1] = False
    assert not change.any()


def test_findings_differ_in_the_same_box():
    images = [draw([(finding, 20, 20, 24, 24)]) for finding in range(14)]
    for first, second in combinations(images, 2):
        assert np.abs(first - second)[20:44, 20:44].mean() > 5


def test_views_and_patients_differ():
    seeds, none = np.array([[1, 1]] * 3), np.zeros((0, 6), dtype=np.int64)
    patients = np.array([[1, 1], [1, 1], [1, 2]])
    images = draw_chests(none, np.array([False, True, False]), patients, seeds, 64).astype(int)
    assert images[0].std() > 1.1 * images[1].std()
    assert np.abs(images[0] - images[2]).mean() > 2


def test_every_machine_draws_the_same_bytes(source):
    sample = [split.read(np.arange(20)) for split in (source.train, source.test)]
    each = np.array([draw([(finding, 20, 20, 24, 24)]) for finding in range(14)], dtype=np.uint8)
    drawn = np.concatenate([*sample, each[..., None]])
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == GOLDEN


def test_large_images_are_the_same_chest():
    places = [(4, 0.5, 0.5, 0.25, 0.25), (9, 0.25, 0.25, 0.125, 0.125)]
    small, large = (
        draw([(f, *(int(share * size) for share in box)) for f, *box in places], size)
        for size in (32, 256)
    )
    averaged = large.reshape(32, 8, 32, 8).mean((1, 3))
    assert np.abs(averaged - small).mean() < 8
