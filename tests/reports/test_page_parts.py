"""What the HTML report is built of: tables, charts and images."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from PIL import Image

from imbalens.reports.common.palette import css_variables
from imbalens.reports.compare import class_figures_figure
from imbalens.reports.differences.paper_layout import PaperCell, PaperRow, PaperTable
from imbalens.reports.false_positives import false_positives_figure
from imbalens.reports.page.charts import curves, dots, shares
from imbalens.reports.page.images import figure, framed, keep_within, thumbnail
from imbalens.reports.page.tables import (
    UNDEFINED,
    colour_numbers,
    make_table,
    number,
    paper_texts,
    pivot,
    shown,
    with_interval,
)
from tests.page_cases import (
    PICTURE,
    RUNS,
    about,
    decode,
    results,
    texts,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "0", "12"], ["1", "0", "12"]),
        (["1.0", "0.25", ""], ["1.0000", "0.2500", UNDEFINED]),
        (["16.4333", "5"], ["16.4", "5.0"]),
        (["0.5", "0.00001", "nan"], ["0.5000", "1.0e-05", UNDEFINED]),
        (["", ""], [UNDEFINED, UNDEFINED]),
    ],
)
def test_the_numbers_of_a_column_are_written_alike(values, expected):
    assert shown(values) == expected


def test_numbers_of_different_kinds_do_not_share_their_digits():
    values = ["16.4333", "0.5", "5", "", "1.0"]
    kinds = ["concepts", "auroc", "concepts", "auroc", "recall"]
    assert shown(values, kinds=kinds) == ["16.4", "0.5000", "5.0", UNDEFINED, "1.0000"]
    table = texts(
        [
            {"measure": "unique", "value": 25.25, "low": 4.125, "high": 13.5, "n": 7},
            {"measure": "iobb", "value": 0.03, "low": 0.0125, "high": 0.5, "n": 12},
        ]
    )
    rows = make_table(with_interval(table), caption="x").rows
    assert [[cell.text for cell in row] for row in rows] == [
        ["unique concepts", "25.2", "4.1 to 13.5", "7"],
        ["IoBB", "0.0300", "0.0125 to 0.5000", "12"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("1.5", 1.5), ("-2e-05", -2e-5), ("+.5", 0.5), ("7.", 7.0), ("1E3", 1000.0)),
        *((text, None) for text in ("", "nan", "inf", "1e999", "x", "1_0", " 1", "\u0663", "1\n")),
    ],
)
def test_only_finite_numbers_are_numbers(text, expected):
    assert number(text) == expected


def test_a_table_knows_numbers_links_colours_and_verdicts():
    table = texts([{"class": "7", "run": "b", "verdict": "holds", "section": "4.10", "n": 2}])
    found = make_table(
        table, caption="x", links={"7": "toy/7"}, marks={"a": 0, "b": 3}, verdicts=True
    )
    assert [column.numeric for column in found.columns] == [False, False, False, False, True]
    cells = found.rows[0]
    assert (cells[0].href, cells[1].mark, cells[2].tone) == ("#toy/7", 3, "good")
    assert (cells[3].text, cells[4].order) == ("4.10", 2.0)


@pytest.mark.parametrize("column", ["class", "adversary", "adversary_baseline", "predictor"])
@pytest.mark.parametrize("name", ["007", "1_0", "1e3", "-0.0", "nan", "NaN", "Infinity", "<b>"])
def test_a_name_is_shown_as_it_is(column, name):
    found = make_table(texts([{column: name, "share": 0.5}]), caption="x")
    assert not found.columns[0].numeric
    assert (found.rows[0][0].text, found.rows[0][0].order) == (name, None)


def test_a_run_is_a_column_and_a_class_a_row():
    table = texts(
        [
            {"run": run, "class": label, "iobb": value}
            for run, label, value in (("b", "y", 1), ("a", "y", 2), ("b", "x", 3))
        ]
    )
    first = texts([{"class": "x", "training images": 9}])
    wide = pivot(table, "iobb", rows="class", first=first)
    assert wide.columns.tolist() == ["class", "training images", "b", "a"]
    assert wide.to_numpy().tolist() == [["y", "", "1", "2"], ["x", "9", "3", ""]]


def test_an_interval_is_one_column():
    table = texts([{"low": -0.1, "high": 0.25, "p": 1}, {"low": "", "high": "", "p": 1}])
    joined = with_interval(table)
    assert joined["interval"].tolist() == ["-0.1000 to 0.2500", ""]
    assert joined.columns.tolist() == ["interval", "p"]


def test_a_papers_table_has_texts_with_joined_intervals():
    cells = [PaperCell(0.25, -0.125, 0.5), PaperCell(12)]
    columns = [("Binary", "IoBB"), ("Binary", "IoR")]
    rows = [PaperRow(("a",), cells), PaperRow(("b",), [PaperCell(None), PaperCell(3, NAN, NAN)])]
    table = PaperTable("t", "", "", "difference", ("Run",), ("Task", "Metric"), columns, rows)
    found = paper_texts(table)
    assert found.columns.tolist() == [
        "run",
        "Binary IoBB",
        "Binary IoBB difference interval",
        "Binary IoR",
        "Binary IoR difference interval",
    ]
    assert found.to_numpy().tolist() == [
        ["a", "0.25", "-0.1250 to 0.5000", "12", ""],
        ["b", "", "", "3", ""],
    ]
    counted = [PaperRow(("a",), [PaperCell(12)])]
    plain = PaperTable("t", "", "", "nothing", ("Run",), (), [("Train",)], counted)
    assert paper_texts(plain).to_dict("records") == [{"run": "a", "Train": "12"}]


def test_repeats_with_other_seeds_share_a_colour():
    runs = [
        about("t-ce", setting="t/t-ce"),
        about("t-ce2", setting="t/t-ce", seed=1),
        about("t-ldam"),
    ]
    assert colour_numbers(runs) == {
        **{"t/t-ce": 0, "t/ldam": 1},
        **{"t-ce": 0, "t-ce2": 0, "t-ldam": 1},
    }
    many = [about(f"t-{place}") for place in range(10)]
    assert list(colour_numbers(many).values()) == [*range(8), 0, 1] * 2


def test_dots_leave_out_what_is_undefined():
    table = texts([{"run": "a", "class": "x", "ap": 0.5}, {"run": "a", "class": "y", "ap": ""}])
    chart = dots(table, "ap", title="t", caption="c", marks={"a": 0})
    assert chart.spec["data"]["values"] == [{"row": "x", "run": "a", "value": 0.5}]
    assert len(chart.spec["layer"]) == 1


def test_dots_have_intervals_and_a_line_at_zero_where_there_are_bounds():
    table = texts([{"run": "a", "measure": "x", "difference": 1, "low": -1, "high": 2}])
    chart = dots(table, "difference", title="t", caption="", marks={"a": 0}, rows="measure")
    assert chart.spec["data"]["values"] == [
        {"row": "x", "run": "a", "value": 1.0, "low": -1.0, "high": 2.0}
    ]
    assert [layer["mark"]["type"] for layer in chart.spec["layer"]] == ["rule", "rule", "point"]


def test_dots_whose_adjusted_p_is_large_or_unknown_are_hollow():
    row = {"run": "a", "measure": "x", "difference": 1, "low": -1, "high": 2}
    table = texts([row | {"p_adjusted": p} for p in (0.05, 0.051, "")])
    chart = dots(
        table, "difference", title="t", caption="", marks={"a": 0}, rows="measure", level=0.05
    )
    values = chart.spec["data"]["values"]
    assert [value["p_adjusted"] for value in values] == [0.05, 0.051, None]
    point = chart.spec["layer"][-1]
    assert point["mark"]["filled"] is False
    fill = point["encoding"]["fill"]
    assert fill["value"] == "--paper"
    test = "isValid(datum.p_adjusted) && datum.p_adjusted <= 0.05"
    assert fill["condition"] == {"test": test, **point["encoding"]["color"]}


def test_a_chart_of_many_classes_shows_both_ends_and_says_so():
    table = texts([{"run": "a", "class": f"c{place}", "ap": 1} for place in range(40)])
    chart = dots(table, "ap", title="t", caption="c", marks={"a": 0})
    rows = [value["row"] for value in chart.spec["data"]["values"]]
    assert rows == [f"c{place}" for place in (*range(15), *range(25, 40))]
    assert chart.caption == "c The first and last 15 of 40 are shown."


def test_curves_of_repeats_differ_in_their_dashes():
    table = texts([{"run": run, "epoch": 0, "loss": 1} for run in ("a", "a2", "b")])
    chart = curves(table, title="t", caption="", marks={"a": 0, "a2": 0, "b": 1})
    first, second, third = chart.spec["encoding"]["strokeDash"]["scale"]["range"]
    assert first == third != second


def test_shares_offer_every_run_and_kind():
    table = results().of_runs["adversaries"]
    chart = shares(table, title="t", caption="c")
    assert [parameter["bind"]["options"] for parameter in chart.spec["params"]] == [
        list(RUNS),
        ["errors", "neighbours"],
    ]


def test_matrices_of_many_runs_have_fewer_classes():
    rows = [
        {"run": f"r{run}", "class": "c0", "adversary": f"c{other}", "share": 1, "kind": "errors"}
        for run in range(120)
        for other in range(1, 12)
    ]
    rows += [{**row, "class": row["adversary"], "adversary": "c0"} for row in rows]
    chart = shares(texts(rows), title="t", caption="")
    assert chart.caption == "The first and last 5 of 12 are shown."
    assert len(chart.spec["data"]["values"]) == 120 * 2 * 9


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 80))
@settings(deadline=None, max_examples=50)
def test_the_largest_are_left_out_until_the_rest_fits(sizes, limit):
    sources = ["x" * size for size in sizes]
    kept = keep_within(sources, limit=limit)
    assert sum(map(len, kept)) <= limit
    assert all(after in (before, "") for before, after in zip(sources, kept, strict=True))
    gone = [len(b) for b, a in zip(sources, kept, strict=True) if b and not a]
    stay = [len(a) for a in kept if a]
    if gone:
        assert sum(stay) + min(gone) > limit
        assert max(stay, default=0) <= min(gone)


def test_a_small_image_is_kept_and_a_large_one_reduced():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(decode(thumbnail(small))), small)
    grey = rng.integers(0, 256, (32, 32, 1), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(decode(thumbnail(grey))), grey[:, :, 0])
    assert decode(thumbnail(np.zeros((224, 224, 1), np.uint8))).size == (96, 96)


def test_a_box_surrounds_its_pixels_and_a_map_brightens_them():
    box = np.array([[2, 4, 4, 2]])
    bare = np.asarray(decode(framed(PICTURE, None, box)).convert("RGB")).astype(int)
    assert bare.shape == (128, 128, 3)
    assert (bare[72, 60] == 100).all()  # within the box
    assert (bare[64, 40] == (0x33, 0xFF, 0xCC)).all()  # on its upper edge, 4 * 16
    assert (bare[62, 40] == 0).all() or (bare[63, 40] == 0).all()  # dark around it
    cam = np.zeros((8, 8))
    cam[4:6, 2:6] = 1
    warm = np.asarray(decode(framed(PICTURE, cam, box)).convert("RGB")).astype(int)
    assert warm[80, 64].sum() > bare[80, 64].sum()
    assert warm[20, 20].sum() < bare[20, 20].sum()


def test_a_figure_keeps_its_colours_and_fits_its_width(tmp_path):
    drawn = Image.new("RGB", (400, 100), "white")
    drawn.paste((0, 105, 168), (50, 20, 150, 80))
    drawn.save(tmp_path / "drawn.png")
    source, width, height = figure((tmp_path / "drawn.png").read_bytes(), max_width=200)
    assert (width, height) == (200, 50) == decode(source).size
    pixels = np.asarray(decode(source).convert("RGB")).astype(int)
    assert np.abs(pixels[25, 50] - (0, 105, 168)).max() <= 8
    assert np.abs(pixels[2, 2] - 255).max() <= 8
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert figure((tmp_path / "noise.png").read_bytes())[0].startswith("data:image/webp;")


def test_a_run_has_the_colour_of_pages_in_figures():
    runs = [about("t-ldam"), about("t-ce", setting="t/ce"), about("t-ce2", setting="t/ce", seed=1)]
    numbers = colour_numbers(runs)
    table = pd.DataFrame({"run": ["t-ldam", "t-ce"], "adversary": "x", "count": 1})
    drawn = false_positives_figure(table, reference="actual", reference_class="y", numbers=numbers)
    ldam, ce = (to_hex(bars[0].get_facecolor()) for bars in drawn.axes[0].containers)
    scores = {"performance": {name: {"x": 0.5} for name in ("recall", "precision")}}
    by_setting = dict.fromkeys(["t/ldam", "t/ce"], scores)
    compared = class_figures_figure(by_setting, order=["x"], dataset="t")
    marks = [to_hex(one.get_facecolor()[0]) for one in compared.axes[0].collections]
    assert marks == [ldam, ce]
    for colour, run in ((ldam, "t-ldam"), (ce, "t-ce2")):
        assert f"--run-{numbers[run]}: light-dark({colour}, " in css_variables()
