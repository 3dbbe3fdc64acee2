"""Labels from texts: the same whatever the order of rows, and written back they are the texts."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imbalens.data.label_columns import merge, read_classes, read_joined, read_multi_hot

NAMES = st.lists(st.sampled_from(["a", "b c", "d", "10", "9"]), max_size=4, unique=True)


def places(texts):
    return [f"t.csv, line {row + 2}" for row in range(len(texts))]


@settings(deadline=None, max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_labels_that_are_joined_come_apart_in_any_order_of_rows(rows, random):
    assume(any(rows))
    texts = [" ; ".join(row) or "-" for row in rows]
    found = read_joined(texts, places(texts), separator=";", none="-", classes=None)
    apart = [{found.class_names[i] for i in np.flatnonzero(row)} for row in found.values]
    assert apart == [{*row} for row in rows]
    names = {name for row in rows for name in row}
    numbers = all(map(str.isdigit, names))
    assert list(found.class_names) == sorted(names, key=int if numbers else str)
    order = random.sample(range(len(texts)), len(texts))
    turned = [texts[row] for row in order]
    again = read_joined(turned, places(turned), separator=";", none="-", classes=None)
    assert again.class_names == found.class_names
    assert (again.values == found.values[order]).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["ape", "bee", " ape ", "cat"]), min_size=1, max_size=12))
def test_classes_found_are_those_given_in_that_order(texts):
    found = read_classes(texts, places(texts), classes=None)
    given_too = read_classes(texts, places(texts), classes=found.class_names)
    assert (found.values == given_too.values).all()
    assert [found.class_names[label] for label in found.values] == [*map(str.strip, texts)]


STATES = st.sampled_from(["0", "1", "-1", "", "1.0", "nan"])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(STATES, STATES), min_size=1, max_size=8),
    st.sampled_from(["negative", "positive", "ignore"]),
    st.sampled_from(["negative", "positive", "ignore"]),
)
def test_what_a_table_leaves_open_is_taken_as_its_rule_says(rows, blank, uncertain):
    columns = [*map(list, zip(*rows, strict=True))]
    found = read_multi_hot(
        columns, places(rows), names=("a", "b"), blank=blank, uncertain=uncertain
    )
    rule_of = {"": blank, "nan": blank, "-1": uncertain}
    said = [
        [rule_of.get(text, float(text or 0) if text != "nan" else 0) for text in row]
        for row in rows
    ]
    positive = np.array([[each in (1, "positive") for each in row] for row in said])
    unknown = np.array([[each == "ignore" for each in row] for row in said])
    assert (found.values == positive).all()
    assert (found.unknown is None) == (not unknown.any())
    if found.unknown is not None:
        assert (found.unknown == unknown).all()
    merged = merge(found, "any")
    assert (merged.values[:, 0] == positive.any(1)).all()
    open_rows = unknown.any(1) & ~positive.any(1)
    assert (merged.unknown is None) == (not open_rows.any())
    assert merged.label_of == {"a": 0, "b": 0, "any": 0}
