import pandas as pd
from matplotlib.colors import to_hex

from imbalens.reports.common.palette import RUNS
from imbalens.reports.false_positives import (
    draw_false_positives,
    false_positive_table,
    false_positives_figure,
)


def errors(rows):
    return pd.DataFrame(rows, columns=["run", "adversary", "count"])


NUMBERS = {"ce": 0, "ldam": 3, "ce-1": 0}
TRUCK = {"reference": "actual", "reference_class": "truck", "numbers": NUMBERS}
SMALL = errors([("ce", "car", 8), ("ce", "plane", 4), ("ce", "bird", 0), ("ldam", "plane", 1)])


def test_the_runs_stand_side_by_side():
    figure = false_positives_figure(
        SMALL, reference="actual", reference_class="truck", numbers=NUMBERS
    )
    axes = figure.axes[0]
    widths = [[bar.get_width() for bar in group] for group in axes.containers]
    assert widths == [[8, 4], [0, 1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["car", "plane"]
    colours = [to_hex(group[0].get_facecolor()) for group in axes.containers]
    assert colours == [RUNS[0].light, RUNS[3].light]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["ce (12 errors)", "ldam (1 errors)"]
    assert "truck" in figure.get_suptitle()


def test_trainings_of_a_setting_share_its_colour_and_differ_in_hatching():
    table = errors([("ce", "car", 8), ("ce-1", "car", 4)])
    figure = false_positives_figure(table, **TRUCK)
    (one,), (other,) = figure.axes[0].containers
    assert one.get_facecolor() == other.get_facecolor()
    assert one.get_hatch() != other.get_hatch()


def test_only_the_heaviest_of_many_adversaries_are_drawn_in_class_order():
    table = errors([("ce", f"c{place}", place + 1) for place in range(20)])
    figure = false_positives_figure(
        table, reference="actual", reference_class="x", numbers=NUMBERS
    )
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == [f"c{place}" for place in range(8, 20)]
    assert "the 12 of 20 classes with the most errors" in figure.get_suptitle()


def test_no_errors_at_all_is_said():
    axes = false_positives_figure(
        errors([("ce", "car", 0)]), reference="actual", reference_class="x", numbers=NUMBERS
    ).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no errors in any run"]
    assert not axes.patches


def test_the_file_is_byte_stable(tmp_path):
    for name in ("first.png", "second.png"):
        draw_false_positives(
            SMALL, tmp_path / name, reference="actual", reference_class="truck", numbers=NUMBERS
        )
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_the_title_says_which_way_the_errors_go():
    titles = [
        false_positives_figure(
            SMALL, reference=reference, reference_class="truck", numbers=NUMBERS
        ).get_suptitle()
        for reference in ("actual", "predicted")
    ]
    assert titles == ["What truck is wrongly taken for", "What is wrongly taken for truck"]


def test_both_readings_of_a_confusion():
    cells = [("a", "a", 5), ("a", "b", 2), ("b", "a", 1), ("b", "b", 0), ("c", "a", 4)]
    confusion = pd.DataFrame(cells, columns=["actual", "predicted", "count"])
    for reference, expected in (("actual", [("b", 2)]), ("predicted", [("b", 1), ("c", 4)])):
        table = false_positive_table(
            {"x": confusion, "y": confusion[:2]}, reference=reference, reference_class="a"
        )
        of_x = table[table["run"] == "x"]
        assert list(zip(of_x["adversary"], of_x["count"], strict=True)) == expected
    assert (table["run"] == "x").all(), "nothing is taken for a in y"
