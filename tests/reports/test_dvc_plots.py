"""The templates and the page that `dvc plots` renders from, without a network."""

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dvc_render import VegaRenderer
from dvc_render.html import render_html

from imbalens.reports.common.palette import CLASSES, RUNS
from tests.browser import BROWSER, needs_browser

FOLDER = Path(__file__).parents[2] / ".dvc" / "plots"
PAGE = FOLDER.parents[1] / "src/imbalens/reports/page/plots.html"
OFFLINE = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=10000",
]

# Columns beside x and y, as a CSV gives them: texts, an empty one where a number is undefined.
CASES = {
    "intervals": (
        "difference",
        "measure",
        [
            {"setting": "a/b", "measure": "AP", "difference": "0.5", "low": "0.1", "high": "0.9"},
            {"setting": "a/b", "measure": "IoU", "difference": "0.2", "low": "", "high": ""},
        ],
    ),
    "lines": ("epoch", "loss", [{"epoch": "0", "loss": "2.5"}, {"epoch": "1", "loss": ""}]),
    "grouped_bar": (
        "class",
        "true_positive_rate",
        [
            {"class": "car", "archetype": "safe", "true_positive_rate": "0.5"},
            {"class": "car", "archetype": "rare", "true_positive_rate": ""},
        ],
    ),
    "stacked_bar": (
        "class",
        "errors",
        [
            {"class": "car", "adversary": "bus", "errors": ""},
            {"class": "bus", "adversary": "car", "errors": "1.0"},
        ],
    ),
    "matrix": (
        "class",
        "shared",
        [
            {"class": "car", "other": "bus", "shared": "3"},
            {"class": "bus", "other": "car", "shared": "3"},
        ],
    ),
    "colours": (
        "class",
        "share",
        [
            {
                "class": "car",
                "archetype": "all",
                "group": "red",
                "share": "1.0",
                "red": "200.5",
                "green": "9",
                "blue": "9",
            }
        ],
    ),
}


def renderer(template, revisions=("HEAD", "workspace")):
    x, y, rows = CASES[template]
    files = ["planted-ce.csv", "planted-ldam_drw.csv"]
    points = [
        {**row, "rev": revision, "filename": name, "field": y}
        for revision in revisions
        for name in files
        for row in rows
    ]
    return VegaRenderer(
        points,
        f"plot of {template}",
        template=f"imbalens_{template}",
        template_dir=str(FOLDER),
        x=x,
        y=y,
        title=f"plot of {template}",
        anchors_y_definitions=[{"filename": name, "field": y} for name in files],
    )


def test_every_template_has_a_case():
    assert {path.stem for path in FOLDER.glob("*.json")} == {f"imbalens_{name}" for name in CASES}


@pytest.mark.parametrize("template", CASES)
def test_a_template_is_filled(template):
    text = renderer(template).partial_html()
    spec = json.loads(text)
    assert "<DVC_METRIC" not in text
    assert spec["title"]["text"] == f"plot of {template}"
    assert len(spec["data"]["values"]) == 4 * len(CASES[template][2])
    # Runs are told apart by their file, which DVC drops from the data where a template uses
    # one of its optional anchors.
    assert {point["filename"] for point in spec["data"]["values"]} == {
        "planted-ce.csv",
        "planted-ldam_drw.csv",
    }


class Links(HTMLParser):
    """Collects what a page would load, and how many scripts it brings itself."""

    def __init__(self):
        super().__init__()
        self.loaded = []
        self.inline_scripts = 0

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        loads = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
        if tag in loads and loads[tag] in values:
            self.loaded.append(values[loads[tag]])
        self.inline_scripts += tag == "script" and "src" not in values


def test_the_page_loads_nothing(tmp_path):
    output = tmp_path / "index.html"
    render_html([renderer(name) for name in CASES], output, html_template=PAGE)
    text = output.read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert links.loaded == []
    assert links.inline_scripts == 4 + len(CASES)
    assert not re.search(r"\{(plot_divs|refresh_tag|scripts)\}", text)


def test_the_page_carries_the_licences_of_what_it_carries():
    text = PAGE.read_text(encoding="utf-8")
    for package in ("vega 5.20.2", "vega-lite 5.2.0", "vega-embed 6.18.2"):
        assert package in text
    assert text.count("Redistributions in binary form must reproduce") == 3


@needs_browser
def test_a_browser_without_network_draws_every_plot(tmp_path):
    output = tmp_path / "index.html"
    render_html([renderer(name) for name in CASES], output, html_template=PAGE)
    command = [str(BROWSER), *OFFLINE, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, output.as_uri()], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert done.stdout.count("<canvas") == len(CASES)
    assert "vega-embed" in done.stdout


@pytest.mark.parametrize(
    ("template", "shades"),
    [
        ("lines", RUNS),
        ("grouped_bar", RUNS),
        ("stacked_bar", CLASSES.values()),
    ],
)
def test_templates_draw_in_the_colours_of_pages_and_figures(template, shades):
    text = (FOLDER / f"imbalens_{template}.json").read_text(encoding="utf-8")
    ranges = re.findall(r'"range": \[([^\]]+)\]', text)
    assert [json.loads(f"[{one}]") for one in ranges] == [[shade.light for shade in shades]]
