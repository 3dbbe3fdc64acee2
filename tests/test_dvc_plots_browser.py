"""The page of `dvc plots diff`, with every plot of dvc.yaml, in a browser without network."""

import csv
from itertools import product

import pytest
import yaml

from tests.browser import needs_browser
from tests.tiny import ROOT, RUNS, TinyProject, tiny_params

pytestmark = needs_browser

CLASSES = ("disc", "red square", "star")
ARCHETYPES = ("safe", "rare")
KINDS = ("errors", "neighbours")
REVISIONS = ["HEAD~1", "workspace"]
SAME = "plots/concepts/{}.csv"  # in both revisions
# Columns of each plot's table, then their keys; the last column is a number, see `write_tables`.
TABLES = {
    "plots/train/{}.csv": ("epoch", "loss", ["0", "1"]),
    "plots/performance/{}.csv": ("class", "recall", CLASSES),
    "plots/performance/{}-confusion.csv": (
        "actual,predicted",
        "count",
        product(CLASSES, repeat=2),
    ),
    "plots/archetypes/{}.csv": (
        "class,archetype",
        "true_positive_rate",
        product(CLASSES, ARCHETYPES),
    ),
    "plots/adversaries/{}.csv": (
        "class,adversary,kind",
        "share",
        product(CLASSES, CLASSES, KINDS),
    ),
    "plots/adversaries/{}-predictors.csv": ("predictor", "kld", ("FDR", "random")),
    "plots/feature_overlap/{}-pairs.csv": ("class,other", "shared", product(CLASSES, repeat=2)),
    "plots/saliency_colours/{}.csv": (
        "class,archetype,group,red,green,blue",
        "share",
        [(name, "all", "red", "200", "9", "9") for name in CLASSES],
    ),
    "plots/cam_alignment/{}.csv": ("class", "iobb", CLASSES),
    SAME: ("class", "unique", CLASSES),
    "plots/false_positives/planted.csv": ("run,adversary", "count", product(RUNS, CLASSES)),
}
TABLES = {path: (keys, value, list(rows)) for path, (keys, value, rows) in TABLES.items()}
CHANGED = {path.format(run) for path, run in product(TABLES, RUNS) if path != SAME}

# Keeps the view of every chart, whoever wraps `vegaEmbed`.
KEEP_VIEWS = """
window.views = new Map();
let embed;
Object.defineProperty(window, "vegaEmbed", {
  get: () => embed,
  set: (given) => {
    embed = async (place, spec, ...options) => {
      const result = await given(place, spec, ...options);
      views.set(spec.title.text, result.view);
      return result;
    };
  },
});
"""
# Each mark of data: what it is, of which revision, in which colour; and all texts that name one.
LIST_MARKS = """() => Object.fromEntries([...views].map(([title, view]) => {
  const marks = [], texts = [];
  const walk = (item, mark) => {
    if (mark?.marktype === "text" && String(item.text).includes(" @ ")) texts.push(item.text);
    const drawn = mark?.role === "mark" && mark.marktype !== "group" && mark.marktype !== "text";
    if (drawn) marks.push([mark.marktype, item.datum.rev, item.fill ?? item.stroke]);
    for (const group of item.items ?? []) for (const own of group.items ?? []) walk(own, group);
  };
  walk({ items: [view.scenegraph().root] });
  return [title, { marks, texts }];
}))"""


def write_tables(folder, *, factor):
    """Write every plot's table; numbers rise from row to row by that factor, but in `SAME`."""
    for path, run in product(TABLES, RUNS):
        keys, value, rows = TABLES[path]
        place = folder / path.format(run)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*keys.split(","), value])
            for number, row in enumerate(rows, start=1):
                own = [row] if isinstance(row, str) else row
                writer.writerow([*own, number * (1 if path == SAME else factor)])


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of two revisions of the project's own dvc.yaml and templates."""
    project = TinyProject(tmp_path_factory.mktemp("plots"), tiny_params(RUNS))
    for factor in (0.1, 0.2):
        write_tables(project.folder, factor=factor)
        project.commit(f"numbers times {factor}")
    done = project.run("dvc", "plots", "diff", REVISIONS[0])
    return done.stdout.strip()


@pytest.fixture(scope="module")
def charts(browser, address):
    """Marks and texts of each chart; what the page says or asks for fails the test."""
    problems, asked = [], []
    page = browser.new_page()
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(KEEP_VIEWS)
    page.goto(address)
    n_charts = len({path.format(run) for path, run in product(TABLES, RUNS)})
    page.wait_for_function("n => views.size === n", arg=n_charts)
    found = page.evaluate(LIST_MARKS)
    folded = page.locator("body > details")
    assert folded.count() == 1
    summary = folded.locator("> summary").inner_text()
    hidden = {
        title
        for title in found
        if not page.locator(f"[id='{title.replace('/', '_').replace('.', '_')}']").is_visible()
    }
    page.close()
    assert problems == []
    assert asked == [address]
    return found, hidden, summary


def test_every_plot_of_the_pipeline_is_there(charts):
    text = (ROOT / "dvc.yaml").read_text()
    stages = yaml.safe_load(text)["stages"].values()
    entries = [plot for stage in stages for plot in stage.get("do", stage).get("plots", [])]
    paths = {path for entry in entries for path in entry}
    plain = {path.replace("${key}", "{}").replace("${item}", "{}") for path in paths}
    own = {path.replace("false_positives/planted", "false_positives/{}") for path in TABLES}
    assert plain == own
    assert set(charts[0]) == {path.format(run) for path, run in product(TABLES, RUNS)}


def test_charts_in_which_revisions_agree_are_folded_away(charts):
    found, hidden, summary = charts
    assert hidden == set(found) - CHANGED == {SAME.format(run) for run in RUNS}
    assert summary == "The same in all revisions: 2 charts"


@pytest.mark.parametrize("title", sorted(CHANGED))
def test_a_chart_has_marks_of_both_revisions_and_says_which_is_which(charts, title):
    chart = charts[0][title]
    revisions = [revision for _, revision, _ in chart["marks"]]
    assert set(revisions) == set(REVISIONS)
    assert revisions.count(REVISIONS[0]) == revisions.count(REVISIONS[1])
    named = list(dict.fromkeys(text.rpartition(" @ ")[2] for text in chart["texts"]))
    assert named == REVISIONS, "the older one first"


@pytest.mark.parametrize(
    "title",
    [
        path.format(RUNS[0])
        for path in TABLES
        if path.split("/")[1] in ("train", "performance", "archetypes", "cam_alignment")
        and "confusion" not in path
    ],
)
def test_overlaid_revisions_differ_in_colour(charts, title):
    marks = charts[0][title]["marks"]
    colours = {
        revision: {colour for _, own, colour in marks if own == revision} for revision in REVISIONS
    }
    assert all(len(own) == 1 for own in colours.values())
    assert not colours[REVISIONS[0]] & colours[REVISIONS[1]]
