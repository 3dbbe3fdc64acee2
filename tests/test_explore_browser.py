"""The pages to look at images with, in a browser that has no network."""

import json
import re
from contextlib import contextmanager
from itertools import product

import pytest
from markupsafe import Markup
from PIL import Image

import imbalens
from imbalens.reports.page.shell import render_page
from stages import explore
from tests.analyze_cases import BIRDS, birds
from tests.browser import list_violations, needs_browser
from tests.explore_cases import HOSTILE, NAMES, SIZES, experiment, write_all
from tests.tiny import write_params

pytestmark = needs_browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore_browser")
    write_params(folder, experiment())
    write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in NAMES:
            explore.main([name])
    return folder


@contextmanager
def opened(browser, folder, name, **options):
    """The page of a dataset, see `opened_file`."""
    with opened_file(browser, folder / f"plots/explore/{name}.html", **options) as page:
        yield page


@contextmanager
def opened_file(browser, path, **options):
    """The page with its map drawn; whatever goes wrong in it, or leaves it, fails the test."""
    problems = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(5000)
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else problems.append(request.url)
        ),
    )
    page.goto(path.as_uri())
    page.wait_for_selector("#map svg")
    yield page
    context.close()
    assert problems == []


def test_violations_are_found_under_the_policy_of_our_pages(browser, tmp_path):
    body = Markup('<main id="main"><button></button></main>')
    path = tmp_path / "page.html"
    path.write_text(render_page(title="a", subtitle="b", body=body), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert [line.split(":")[0] for line in list_violations(page)] == ["button-name"]
    page.close()


def wait_for_map(page, word, n_points):
    """Wait until the legend has that word and there is one mark per point."""
    page.wait_for_function(
        """([word, n]) => document.querySelectorAll("#map .layer_0_marks path").length === n
          && document.querySelector("#map .role-legend").textContent.includes(word)""",
        arg=[word, n_points],
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_way_of_colouring_draws_all_points(browser, folder, name, scheme):
    n_points = sum(SIZES.values())
    with opened(browser, folder, name, color_scheme=scheme) as page:
        for own in page.eval_on_selector_all("#class option", "all => all.map(o => o.value)"):
            page.select_option("#class", own)
            words = {
                "class": NAMES[name][int(own)] if own in ("0", "1") else "",
                "archetype": "not judged",
                "right": "neither has it" if own else "wrong",
            }
            for way, word in words.items():
                page.select_option("#colour", way)
                wait_for_map(page, word, n_points)
        page.click("#theme")
        wait_for_map(page, "", n_points)
        page.uncheck("#evaluation")
        wait_for_map(page, "", SIZES["train"])


def test_pointing_at_the_map_shows_an_image_with_its_neighbours(browser, folder):
    with opened(browser, folder, "shapes") as page:
        box = page.locator("#map svg").bounding_box()
        for x, y in product(range(20, int(box["width"]), 40), range(20, 400, 40)):
            page.mouse.move(box["x"] + x, box["y"] + y)
            if page.locator("#chosen dl").count():
                break
        facts = page.inner_text("#chosen")
        for term in ("label", "prediction", "split", "image", "Nearest training images"):
            assert term in facts
        assert page.locator("#chosen .near li").count() == 5
        source = page.eval_on_selector(
            "#chosen .picture", "e => getComputedStyle(e).backgroundImage"
        )
        assert source.startswith('url("data:image/webp')


def test_keys_go_from_point_to_point_and_neighbours_lead_on(browser, folder):
    with opened(browser, folder, "shapes") as page:
        page.focus("#map")
        seen = []
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
            seen.append(page.inner_text("#chosen dl"))
            assert "nearest: " in page.text_content("#announced")
        assert len(set(seen)) >= 3
        assert "Kept" in page.inner_text("#chosen")
        page.keyboard.press("Escape")
        assert "Kept" not in page.inner_text("#chosen")
        before = page.inner_text("#chosen dl")
        page.locator("#chosen .near button").first.click()
        assert page.inner_text("#chosen dl") != before


def test_the_sheet_follows_run_and_label_and_leads_to_the_map(browser, folder):
    with opened(browser, folder, "shapes") as page:
        assert page.locator("#sheet > li").count() == 6
        words = page.inner_text("#sheet")
        page.select_option("#run", "shapes-focal")
        assert page.inner_text("#sheet") != words
        assert "Run shapes-focal" in page.inner_text("#doubt-note")
        assert "planted" in page.inner_text("#doubt-note")
        first = page.locator("#sheet > li").first
        given = first.locator("strong").first.inner_text()
        assert HOSTILE in page.inner_text("#sheet")
        first.get_by_text("Show on the map").click()
        assert given in page.inner_text("#chosen dl")
        assert page.evaluate("document.activeElement.id") == "map"
        page.select_option("#about", "2")
        for line in page.locator("#sheet > li .words > p:first-child").all_inner_texts():
            assert "star" in line


def test_labels_in_doubt_of_several_say_which_one(browser, folder):
    with opened(browser, folder, "chest") as page:
        assert page.locator("#sheet > li").count() == 6
        for line in page.locator("#sheet > li .words > p:first-child").all_inner_texts():
            assert ("not Edema" in line) != ("not Mass" in line)
        assert "planted" not in page.inner_text("#doubt-note")


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_scrolls_one_way_only(browser, folder, name):
    with opened(
        browser, folder, name, viewport={"width": 375, "height": 740}, has_touch=True
    ) as page:
        page.tap("#map svg", position={"x": 150, "y": 150})
        page.get_by_text("Show on the map").first.tap()
        assert page.locator("#chosen .near li").count() == 5
        assert page.evaluate("document.documentElement.scrollWidth") == 375


@pytest.mark.parametrize("given", [("logits", "split"), ("split",), ()])
def test_without_pictures_images_are_called_by_their_labels(browser, tmp_path, given):
    """And without predictions nothing is said of right or wrong."""
    chosen = {key: birds()[key] for key in ("features", "labels", "names", *given)}
    chosen["labels"][0] = 2
    imbalens.analyze(**chosen, ids=[f"bird {row}" for row in range(60)], out=tmp_path / "out")
    n_train = 45 if "split" in given else 60
    with opened_file(browser, tmp_path / "out/index.html") as page:
        ways = page.eval_on_selector_all("#colour option", "all => all.map(o => o.value)")
        assert ways == ["class", "archetype", *(["right"] if "logits" in given else [])]
        for way in ways:
            page.select_option("#colour", way)
            wait_for_map(page, "", 60)
        page.focus("#map")
        page.keyboard.press("ArrowRight")
        facts = page.inner_text("#chosen")
        assert ("not given" in facts) == ("logits" not in given)
        assert re.search(r"bird \d+, index \d+", facts)
        near = page.locator("#chosen .near button").all_inner_texts()
        assert len(near) == 5
        assert set(near) <= set(BIRDS)
        page.locator("#chosen .near button").first.click()
        page.get_by_text("Show on the map").first.click()
        assert "in doubt" in page.inner_text("#chosen dl")
        assert page.locator(".picture").count() == 0
        assert f"all {n_train} training images" in page.inner_text("main")
        text = page.inner_text("[aria-labelledby=doubt]")
        assert ("no network's predictions were given" in " ".join(text.split())) == (
            "logits" not in given
        )
        link = page.locator("a[download]").get_attribute("href")
        assert (tmp_path / "out" / link).is_file()


def test_images_beyond_those_pictured_are_no_grey_squares(browser, tmp_path):
    paths = [tmp_path / f"{row}.png" for row in range(60)]
    for path in paths:
        Image.new("RGB", (8, 8), "red").save(path)
    few = {"train_images": 6, "evaluation_images": 3, "neighbor_images": 2, "n_candidates": 1}
    imbalens.analyze(**birds(), **few, paths=paths, out=tmp_path / "out")
    with opened_file(browser, tmp_path / "out/index.html") as page:
        page.focus("#map")
        told = 0
        for key in ["ArrowRight"] * 4 + ["ArrowDown"] * 4 + ["ArrowLeft"] * 4:
            page.keyboard.press(key)
            shown = page.eval_on_selector_all(
                ".picture", "all => all.map(e => getComputedStyle(e).backgroundImage)"
            )
            assert all(image.startswith('url("data:image/webp') for image in shown)
            assert page.locator("#chosen .near li").count() == 5
            told += 5 - page.locator("#chosen .near .picture").count()
        assert told > 0


def test_of_runs_one_of_which_predicts_nothing_the_other_is_right_or_wrong(browser, tmp_path):
    """Switching between both draws all points, whatever they are coloured by."""
    text = imbalens.analyze(**birds()).page
    before, data, after = re.split(r'(?<=id="data">)(.*?)(?=</script>)', text, maxsplit=1)
    values = json.loads(data)
    values["runs"]["none"] = values["runs"]["features"] | {"predicted": None}
    before = before.replace('<select id="run">', '<select id="run"><option>none</option>')
    path = tmp_path / "page.html"
    path.write_text(before + json.dumps(values) + after, encoding="utf-8")
    with opened_file(browser, path) as page:
        page.select_option("#colour", "right")
        for own in ("", "1"):
            page.select_option("#class", own)
            for run, word in (("features", "has it" if own else "wrong"), ("none", "not known")):
                page.select_option("#run", run)
                wait_for_map(page, word, 60)
