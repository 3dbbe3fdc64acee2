"""The page of `dvc plots diff`, with every plot of dvc.yaml, in a browser without network."""

import csv
from itertools import product

import pytest
import yaml

from tests.browser import needs_browser
from tests.table_cases import declared
from tests.tiny import ROOT, RUNS, TinyProject, tiny_params

pytestmark = [needs_browser, pytest.mark.slow]

CLASSES = ("disc", "red square", "star")
REVISIONS = ["HEAD~1", "workspace"]
SAME = "plots/concepts/{name}.csv"  # in both revisions


def find_plots():
    """The plots of dvc.yaml: the path of each kind of table, and its columns for x and y."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    entries = [plot for stage in stages for plot in stage.get("do", stage).get("plots", [])]
    return {
        path.replace("${key}", "{name}").replace("${item}", "{name}"): options
        for entry in entries
        for path, options in entry.items()
    }


def make_up(table, plot):
    """Two or three of what each text of a table, and x, may be, all combined.

    Returns:
        Names of the columns, that of y last, and the rows without it.
    """
    choices = {
        column.name: column.words[:2] or CLASSES if column.kind == "text" else ("0", "1")
        for column in table.columns
        if column.kind == "text" or column.name == plot["x"]
    }
    others = [column.name for column in table.columns if column.name not in {*choices, plot["y"]}]
    rows = [[*keys, *["9"] * len(others)] for keys in product(*choices.values())]
    return [*choices, *others, plot["y"]], rows


PLOTS = find_plots()
TABLES = {
    table.path: make_up(table, PLOTS[table.path])
    for table in declared().values()
    if table.path in PLOTS
}
ITEMS = {path: ("planted",) if "false_positives" in path else RUNS for path in PLOTS}
PATHS = {path.format(name=name): path for path, names in ITEMS.items() for name in names}
CHANGED = {path for path, kind in PATHS.items() if kind != SAME}

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
    for path, kind in PATHS.items():
        columns, rows = TABLES[kind]
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for number, row in enumerate(rows, start=1):
                writer.writerow([*row, number * (1 if kind == SAME else factor)])


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
    page.wait_for_function("n => views.size === n", arg=len(PATHS))
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
    assert set(TABLES) == set(PLOTS), "each is a declared table"
    assert set(charts[0]) == set(PATHS)


def test_charts_in_which_revisions_agree_are_folded_away(charts):
    found, hidden, summary = charts
    assert hidden == set(found) - CHANGED == set(PATHS) - CHANGED
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
        path
        for path in PATHS
        if path.split("/")[1] in ("train", "performance", "archetypes", "cam_alignment")
        and RUNS[0] in path
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
