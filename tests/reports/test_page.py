"""The HTML report: what stands in it, and that nothing in it can leave its place."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.reports.differences.headings import SPECS, measure_heading
from imbalens.reports.page.classes import class_pages, nearest_adversaries
from imbalens.reports.page.report import describe_dataset, render_report
from imbalens.reports.page.results import anchors, by_class_and_run
from imbalens.reports.page.shell import (
    VEGA,
    VEGA_PAGE,
    embed_json,
    find_vega,
    read_asset,
    read_vega,
)
from imbalens.reports.page.words import direction
from tests.page_cases import (
    CLASSES,
    QUOTES,
    RUNS,
    SCRIPT,
    VERSIONS,
    about,
    claims,
    differences,
    headlines,
    per_run,
    results,
    setting_of,
    texts,
)


class Outline(HTMLParser):
    """Collects elements, anchors, links, loaded addresses and headings of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.sources, self.levels = [], [], [], [], []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        self.sources += [values[name] for name in ("src", "data") if name in values]
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        assert not any(name.startswith("on") for name in values)

    def handle_data(self, data):
        self.words.append(data)


def render(*parts):
    described = [describe_dataset(each) for each in parts or [results()]]
    return render_report(described, versions=VERSIONS, vega=["/* vega */"])


def section(part, title):
    return next(found for found in describe_dataset(part).sections if found.title == title)


def test_hostile_names_are_text():
    page = Outline(render())
    n_charts = sum(len(s.charts) for s in describe_dataset(results()).sections)
    assert (
        page.tags.count("script") == 5 + n_charts
    )  # shell, vega, report, folding, pictures, charts
    text = " ".join(page.words)
    for name in CLASSES:
        assert name in text


def test_nothing_is_loaded_and_every_link_leads_somewhere():
    page = Outline(render())
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    assert len(page.ids) == len(set(page.ids))
    assert page.links
    beside = {link for link in page.links if not link.startswith("#")}
    assert beside == {"explore/toy.html"}
    assert {link[1:] for link in page.links if link not in beside} <= set(page.ids)


def test_no_level_of_headings_is_skipped():
    levels = Outline(render()).levels
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_absent_names_the_stage_that_makes_it():
    bare = results(
        differences=None,
        papers=[],
        claims=None,
        of_runs={},
        settings=None,
        headlines=None,
        sentences=[],
        tables={},
        figures=[],
        cams=[],
        prototypes={},
        missing=[("differences from the baseline", "dvc repro compare@toy")],
    )
    text = render(bare)
    assert "differences from the baseline: <code>dvc repro compare@toy</code>" in text
    assert [section.title for section in describe_dataset(bare).sections] == [
        "Classes",
        "Runs and images",
    ]
    assert "<figure" not in text


def test_whether_effects_survive_stands_below_the_verdicts():
    def captions(part):
        (section,) = (
            one for one in describe_dataset(part).sections if one.anchor == "toy--claims"
        )
        return [table.caption for table in section.tables]

    question = "Do paper A's effects survive at matched scale? toy"
    assert captions(results()) == ["Verdicts about losses, toy", question]
    assert captions(results(prior_shift=None)) == ["Verdicts about losses, toy"]
    unmeasured = results().prior_shift.assign(sentence="not measured: no maps.")
    assert captions(results(prior_shift=unmeasured)) == ["Verdicts about losses, toy"]
    cells = re.findall(r"<td[^>]*>([^<]*it rises[^<]*)</td>", render())
    assert len(cells) == 1
    assert "&lt;script" in cells[0]


def test_claims_that_do_not_apply_have_no_row_and_those_not_measured_are_named():
    three = claims().assign(verdict=["holds", "not applicable"])
    unmeasured = (
        claims()
        .head(1)
        .assign(
            claim="third", verdict="not measured", text="Maps rise", reason="No maps were dumped."
        )
    )
    found = section(
        results(claims=pd.concat([three, unmeasured]), prior_shift=None), "Claims of the papers"
    )
    assert [row[0].text for row in found.tables[0].rows] == [f"What one says {SCRIPT}"]
    assert found.notes == ["Not measured: Maps rise. No maps were dumped."]
    assert found.hint == "holds: 1"
    nothing = claims().assign(verdict="not applicable")
    titles = [one.title for one in describe_dataset(results(claims=nothing)).sections]
    assert "Claims of the papers" not in titles


def test_verdicts_about_losses_and_about_trainings_stand_apart():
    both = pd.concat(
        [claims(), *(claims().head(1).assign(claim="own", judged=run) for run in RUNS)]
    )
    (found,) = (
        one
        for one in describe_dataset(results(claims=both, prior_shift=None)).sections
        if one.anchor == "toy--claims"
    )
    losses, trainings = found.tables
    assert trainings.caption == "Verdicts about single trainings, toy"
    assert [column.heading for column in losses.columns][1:-2] == [setting_of(RUNS[1])]
    assert [column.heading for column in trainings.columns][1:-2] == list(RUNS)
    assert (len(losses.rows), len(trainings.rows)) == (2, 1)


@pytest.mark.parametrize("name", ["text", "paper", "section", "claim", "what the paper says"])
def test_a_run_may_be_called_as_a_column_of_the_verdicts(name):
    own = replace(about(RUNS[0], seed=1), name=name)
    runs = [*map(about, RUNS), own]
    part = results(runs=runs, claims=claims().head(1).assign(judged=name), prior_shift=None)
    (found,) = (one for one in describe_dataset(part).sections if one.anchor == "toy--claims")
    headings = [column.heading for column in found.tables[0].columns]
    assert headings == ["what the paper says", name, "paper", "section"]
    assert [cell.text for cell in found.tables[0].rows[0]][1:] == ["holds", "A", "4.10"]


def test_the_papers_tables_that_have_rows_stand_in_a_section_of_their_own():
    found = section(results(), "Tables of the papers")
    assert found.notes == [f"Table {SCRIPT}: Some text."]
    (table,) = found.tables
    assert table.caption == f"Table {SCRIPT}, toy"
    assert [cell.text for cell in table.rows[1]] == [
        setting_of(RUNS[1]),
        "0.5000",
        "0.2500 to 0.7500",
    ]
    empty = [table for table in results().papers if not table.rows]
    titles = [one.title for one in describe_dataset(results(papers=empty)).sections]
    assert "Tables of the papers" not in titles


def test_generated_images_are_called_so():
    assert "Generated: the images." in render()
    assert "Generated" not in render(results(generated=""))


def test_a_figure_left_out_is_named():
    part = results()
    left = [type(part.figures[0])(**vars(part.figures[0]) | {"source": ""})]
    assert "see <code>plots/x.png</code>" in render(results(figures=left))


names = st.lists(st.text(max_size=6), min_size=1, max_size=12, unique=True)


@given(names)
@settings(deadline=None, max_examples=50)
def test_every_class_has_an_anchor_of_its_own(classes):
    counts = pd.DataFrame({"class": classes, "training images": "1"})
    found = anchors(results(counts=counts, of_runs={}))
    assert list(found) == classes
    assert len(set(found.values())) == len(classes)
    for anchor in found.values():
        assert anchor.startswith("toy/")
        assert not re.search(r"[\s<>\"'&#%]", anchor)


@given(st.recursive(st.text() | st.floats() | st.integers(), st.lists, max_leaves=8))
@settings(deadline=None, max_examples=50)
def test_embedded_json_cannot_end_its_element(value):
    text = str(embed_json([value]))
    assert not re.search(r"[<>&']", text)
    assert "NaN" not in re.sub(r'"(\\.|[^"])*"', "", text)
    json.loads(text)


def test_vega_is_taken_from_the_page_of_the_plots():
    licence, *scripts = read_vega()
    assert licence.count("Redistributions in binary form must reproduce") == 3
    assert [script.split("-5")[0].split("-6")[0] for script in scripts] == [
        f"/* {name}" for name in VEGA
    ]
    with pytest.raises(
        InputError, match=r"plots\.html of the package has no script of vega-embed \(found: vega"
    ):
        find_vega(read_asset(VEGA_PAGE).replace("/* vega-embed-6", "/* other-6"))


def colours_of(chart):
    found = []

    def walk(part):
        if isinstance(part, dict):
            if part.get("field") in ("run", "setting") and "range" in part.get("scale", {}):
                scale = part["scale"]
                if str(scale["range"][0]).startswith("--"):
                    found.append(dict(zip(scale["domain"], scale["range"], strict=True)))
            part = list(part.values())
        if isinstance(part, list):
            for item in part:
                walk(item)

    walk(chart.spec)
    return found


def test_a_run_has_one_colour_in_all_charts():
    part = results()
    found = [
        colours
        for section in describe_dataset(part).sections
        for chart in section.charts
        for colours in colours_of(chart)
    ]
    assert len(found) >= 5
    assert {RUNS[0], setting_of(RUNS[1])} <= set().union(*found)
    expected = {
        name(run): f"--run-{place}" for place, run in enumerate(RUNS) for name in (str, setting_of)
    }
    for colours in found:
        assert colours.items() <= expected.items()


def test_a_class_page_shows_what_is_of_its_class():
    part = results()
    links, pictures = anchors(part), list(part.prototypes.values())
    page = class_pages(part, links, dict.fromkeys(RUNS, 0), pictures)[0]
    assert page.name == SCRIPT
    assert page.facts == {"training images": "100", "test images": "9"}
    assert [prototype.archetype for prototype in page.prototypes[RUNS[0]]] == [
        "safe",
        "border",
        "rare",
        "outlier",
    ]
    assert [prototype.picture for prototype in page.prototypes[RUNS[0]]] == [0, None, None, None]
    assert page.prototypes[RUNS[0]][0].caption == "3 images (25%), 50% true positives"
    assert page.prototypes[RUNS[0]][2].caption == "3 images (25%)"
    assert [strip.parts for strip in page.colours] == [[("red", 99.8, "rgb(200 10 10)")]] * 2
    assert page.cams == []
    assert page.differences is not None
    assert len(page.differences.rows) == 1
    assert [example.label for example in class_pages(part, links, {}, pictures)[1].cams] == [
        QUOTES
    ]


def test_the_nearest_adversaries_are_the_three_largest():
    table = texts(
        [
            {"run": "a", "class": "x", "adversary": f"c{place}", "share": share, "kind": "errors"}
            for place, share in enumerate(("0.1", "", "0.4", "0.3", "0.2"))
        ]
    )
    assert nearest_adversaries(by_class_and_run(table)["x"]).to_dict("records") == [
        {"run": "a", "errors": "c2 40%, c3 30%, c4 20%"}
    ]


def test_differences_say_that_their_intervals_are_not_corrected():
    found = section(results(notes=["Drawn by patient <b>."]), "All measures")
    assert "not corrected for the number of comparisons over all classes (1)" in found.text
    assert found.charts[0].caption == (
        "Dot: difference; line: its interval; hollow where the adjusted p is above 0.05, or "
        "unknown."
    )
    assert "<li>Drawn by patient &lt;b&gt;.</li>" in render(results(notes=found.notes))


def test_all_measures_are_a_row_each_with_values_and_differences():
    (table,) = section(results(), "All measures").tables
    assert [column.hint for column in table.columns] == ["", "baseline", "against toy/ce"]
    ((measure, baseline, other),) = table.rows
    assert (measure.text, measure.note) == ("accuracy", "higher is better")
    assert (baseline.text, baseline.note) == ("0.5000", "")
    assert (other.text, other.note) == ("0.6000", "+0.1000 (+0.0500 to +0.1500) *")
    assert other.tone == "good"


@pytest.mark.parametrize(
    ("measure", "low", "high", "p", "tone", "star"),
    [
        *(("accuracy", low, 0.15, "0.01", tone, "") for low, tone in ((-0.05, ""), (0.0, ""))),
        ("accuracy", 0.05, 0.15, "0.2", "good", ""),
        ("accuracy", -0.15, -0.05, "0.01", "bad", " *"),
        ("ece", 0.05, 0.15, "0.01", "bad", " *"),
        ("probability", 0.05, 0.15, "0.01", "clear", " *"),
    ],
)
def test_only_an_interval_that_excludes_0_is_set_apart(measure, low, high, p, tone, star):
    changed = differences().assign(measure=measure, low=str(low), high=str(high), p_adjusted=p)
    (table,) = section(results(differences=changed, settings=None), "All measures").tables
    cell = table.rows[0][2]
    assert cell.tone == tone
    assert cell.note.endswith(")" + (star if tone else ""))


def test_one_setting_has_its_values_and_no_empty_table_or_chart():
    alone = results(
        runs=[about(RUNS[0])],
        differences=differences().head(0),
        headlines=headlines(),
        papers=[],
        claims=claims().head(0),
        prior_shift=None,
        settings=texts([{"setting": setting_of(RUNS[0]), "accuracy": 0.5}]),
        tables={},
        of_runs=per_run(RUNS[0], 0.0),
    )
    part = describe_dataset(alone)
    assert part.chart is None
    assert part.values == [("balanced accuracy", "50.0 %")]
    titles = [one.title for one in part.sections]
    assert "What changed image by image" not in titles
    assert "Claims of the papers" not in titles
    for one in part.sections:
        assert all(table.rows for table in (*one.tables, *one.closed)), one.title
        assert all(chart.spec["data"]["values"] for chart in one.charts), one.title
    assert "50.0 %" in render(alone)


def test_one_name_is_of_one_thing():
    assert measure_heading("performance", "auroc") != measure_heading("cam_alignment", "auroc")
    named = Counter(measure_heading(*key) for key in SPECS)
    assert {name for name, n in named.items() if n > 1} == set()


def test_a_measure_says_which_values_are_better():
    assert direction("performance", "recall") == "higher is better"
    assert direction("performance", "ece") == "lower is better"
    assert direction("cam_alignment", "iobb_hard") == "higher is better"
    assert direction("performance", "probability") == direction("", "count") == ""


def test_a_class_called_all_is_a_class():
    counts = texts([{"class": "all", "training images": 5, "test images": 5}])
    rows = [
        {"run": "toy-ce", "class": name, "iobb": iobb} for name, iobb in (("all", 0.1), ("", 0.9))
    ]
    part = results(counts=counts, of_runs={"cam_alignment": texts(rows)}, cams=[], prototypes={})
    assert part.classes == ["all"]
    found = section(part, "Class activation maps against boxes")
    assert [value["row"] for value in found.charts[0].spec["data"]["values"]] == ["all"]
    assert [[cell.text for cell in row] for row in found.closed[0].rows] == [
        ["all", "5", "0.1000"]
    ]
    assert [len(page.tables) for page in describe_dataset(part).pages] == [1]


def test_of_many_differences_a_class_shows_those_with_the_smallest_p(monkeypatch):
    monkeypatch.setattr("imbalens.reports.page.classes.MAX_DIFFERENCES", 0)
    first = differences()
    own = first[first["class"] == "plain"]
    rows = [own.assign(measure=f"m{place}", p=str((place * 7) % 13 / 13)) for place in range(13)]
    rows[5]["p"] = ""
    part = results(differences=pd.concat(rows, ignore_index=True))
    table = describe_dataset(part).pages[CLASSES.index("plain")].differences
    assert table is not None
    assert table.caption.endswith(", plain: the 10 with the smallest p, of 13")
    shown = [row[1].text for row in table.rows]
    assert shown == ["m0", *(f"m{place}" for place in (1, 2, 3, 4, 6, 7, 8, 10, 12))]
