"""How fluid the maps of a page to look at images with are, where it shows many.

Run `python -m benchmarks.explore_page` from the repository's root; it needs Chromium and
Playwright, and other work on the machine distorts it.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import render
from benchmarks.timing import Goal, Row, ratio_row
from imbalens.analysis.explore.embedding import principal_plane
from imbalens.analysis.explore.explore import explore
from imbalens.classes import Seen
from imbalens.reports.explore import page
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.pictures import select_of_runs
from imbalens.reports.explore.values import About, Pictures
from imbalens.store.files import write_text

ALLOWED = 50.0  # ms of a frame
N_FRAMES = 60
PAN = """
async (n) => {
  const canvas = document.getElementById("map-a");
  const edge = canvas.getBoundingClientRect(), middle = edge.top + edge.height / 2;
  const send = (type, x) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, clientX: edge.left + x, clientY: middle, bubbles: true, buttons: 1,
  }));
  canvas.setPointerCapture = () => {};  // there is no pointer to capture
  const frame = () => new Promise(requestAnimationFrame);
  send("pointerdown", 100);
  const times = [];
  let before = await frame();
  for (let i = 0; i < n; i += 1) {
    send("pointermove", 100 + 3 * (i % 40));
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  send("pointercancel", 100);
  return times;
}
"""


def make_page(*, n_train: int, n_evaluation: int, n_classes: int, n_runs: int = 2) -> str:
    """Make the page of generated features of many classes, whose sizes fall from head to tail."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(1, 1 / 100, n_classes)
    codes = {
        n: np.concatenate(
            [np.arange(n_classes), rng.choice(n_classes, n - n_classes, p=sizes / sizes.sum())]
        )
        for n in (n_train, n_evaluation)
    }
    names = tuple(f"class {code}" for code in range(n_classes))
    looks = {f"run-{run}": _look(codes, rng, names) for run in range(n_runs)}
    selection = select_of_runs(list(looks.values()), n_train=n_train, n_pictured=0, seed=0)
    parts = page.run_parts(looks, [f"train/{row}.png" for row in range(n_train)], None)
    settings = {run: run for run in looks}
    about = About(
        dataset="generated",
        generated=True,
        split="test",
        embedding="pca",
        table="label_errors.csv",
        report=None,
        many_above=100,
        few_below=20,
    )
    files = selection.merge(
        [f"train/{row}.png" for row in range(n_train)],
        [f"test/{row}.png" for row in range(n_evaluation)],
    )
    pictures = Pictures(files, [-1] * selection.size, None)
    opening = page.choose_opening(looks, settings, first="run-0")
    return page.render_explore(about, opening, selection, pictures, parts, {})


def _look(codes: dict[int, np.ndarray], rng: np.random.Generator, names: tuple[str, ...]) -> Look:
    centres = 3 * rng.normal(size=(len(names), 8))
    train, evaluation = codes.values()
    drawn = [centres[own] + rng.normal(size=(len(own), 8)) for own in (train, evaluation)]
    scores = [-((each[:, None] - centres) ** 2).sum(axis=2) for each in drawn]
    of_train, of_evaluation = (
        Seen(own, np.arange(len(own)), own, each.argmax(axis=1), None)
        for own, each in zip((train, evaluation), scores, strict=True)
    )
    found = explore(
        *(drawn[0], train, train, scores[0], drawn[1]),
        lay_out=principal_plane,
        n_neighbors=5,
        safe_from=4,
        border_from=2,
        rare_from=1,
        n_candidates=50,
    )
    rows = np.arange(len(evaluation))
    return Look("ce", names, of_train, of_evaluation, rows, found)


def pan(opened: Any) -> list[float]:  # noqa: ANN401 - a page of Playwright, which is optional
    """Return how long each frame takes, in milliseconds, while both maps move together."""
    opened.check("#together")
    return opened.evaluate(PAN, N_FRAMES)


def main() -> list[Row]:
    """Measure and print the table."""
    from playwright.sync_api import sync_playwright

    from tests.browser import BROWSER

    rows: list[Row] = []
    measured = {
        size: make_page(n_train=3 * size[0] // 4, n_evaluation=size[0] // 4, n_classes=size[1])
        for size in ((2_000, 10), (20_000, 10), (20_000, 100))
    }
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for (n_points, n_classes), text in measured.items():
            path = Path(folder) / f"{n_points}-{n_classes}.html"
            write_text(path, text)
            opened = browser.new_page(viewport={"width": 1440, "height": 900})
            opened.goto(path.as_uri())
            row = partial(ratio_row, "explore_page")
            what = f"{n_points:,} images of {n_classes} classes on two maps, panning both"
            times = np.array(pan(opened))
            rows.append(row(f"a frame; {what}", "50 ms", times / ALLOWED, Goal("<=", 1.0)))
            opened.close()
        browser.close()
    print(render(rows))
    return rows


if __name__ == "__main__":
    main()
