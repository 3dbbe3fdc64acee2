"""The report in a browser without network: first screen, folding, charts, sorting, names."""

import pandas as pd
import pytest

from imbalens.reports.page.report import describe_dataset, render_report
from imbalens.reports.page.results import anchors
from imbalens.reports.page.shell import read_vega
from tests.browser import list_violations, needs_browser
from tests.page_cases import (
    CLASSES,
    FELL,
    ROSE,
    UNCLEAR,
    VERSIONS,
    about,
    differences,
    headlines,
    results,
)

pytestmark = [needs_browser, pytest.mark.slow]


SECOND = "second set"  # a dataset with many settings


def second():
    """Another dataset: eight settings, five measures, all kinds of outcome."""
    of = [headlines(*([ROSE, FELL, UNCLEAR] * 3)).assign(heading=name) for name in "abcde"]
    for name, rows in zip("abcde", of, strict=True):
        rows["measure"] = name
        rows["dataset"] = SECOND
    settings = dict.fromkeys(of[0]["setting"])
    runs = [about(f"toy-run{place}", setting) for place, setting in enumerate(settings)]
    long = "A loss against another: a measure rose by 10.0 points (95 % interval 5.0 to 15.0). "
    return results(
        name=SECOND,
        runs=runs,
        headlines=pd.concat(of),
        sentences=[2 * long] * 3,
        of_runs={},
        claims=None,
        prior_shift=None,
        differences=None,
        tables={},
        cams=[],
        prototypes={},
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    parts = [describe_dataset(results()), describe_dataset(second())]
    text = render_report(parts, versions=VERSIONS, vega=read_vega())
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """Opens the report; whatever a page says or asks for beyond the file itself fails the test."""
    opened, said, asked = [], [], []

    def open_page(anchor="", **options):
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}} | options)
        opened.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + anchor)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert said == []
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} == {address}


def unfold(page):
    page.get_by_role("button", name="Open all parts").click()


def draw_all(page):
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg").wait_for()


MARKS = ".mark-symbol.role-mark path, .mark-rect.role-mark path, .mark-line.role-mark path"


def test_every_chart_has_marks(visit):
    page = visit()
    unfold(page)
    draw_all(page)
    expected = sum(len(section.charts) for section in describe_dataset(results()).sections)
    plots = page.locator(".plot").all()
    assert len(plots) == expected > 4
    for plot in plots:
        assert plot.locator(MARKS).count() >= 1
    recall = page.locator(".plot[aria-label^='Recall']")
    assert recall.locator(".mark-symbol.role-mark path").count() == 2 * len(CLASSES)
    recall.locator(".mark-symbol.role-mark path").first.hover()
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for()
    assert CLASSES[0] in tooltip.inner_text()
    assert page.evaluate("window.hacked") is None


def test_a_dot_is_hollow_where_the_adjusted_p_is_large(browser, visit, tmp_path):
    page = visit()
    unfold(page)
    symbols = ".plot[aria-label^='Differences'] .mark-symbol.role-mark path"
    draw_all(page)
    filled = page.locator(symbols)
    assert filled.count() == 1
    assert filled.get_attribute("fill") == filled.get_attribute("stroke")
    vague = results(differences=differences().assign(p_adjusted="0.5"))
    path = tmp_path / "vague.html"
    vega = read_vega()
    text = render_report([describe_dataset(vague)], versions=VERSIONS, vega=vega)
    path.write_text(text, encoding="utf-8")
    for scheme in ("light", "dark"):
        other = browser.new_page(color_scheme=scheme)
        other.goto(path.as_uri())
        unfold(other)
        draw_all(other)
        paper = other.evaluate("getComputedStyle(document.body).backgroundColor")
        assert other.locator(symbols).get_attribute("fill") == paper
        assert other.locator(symbols).get_attribute("stroke") != paper
        other.close()


def test_pictures_of_prototypes_are_shown(visit):
    page = visit("#toy/" + anchors(results())[CLASSES[0]].removeprefix("toy/"))
    picture = page.locator("[data-picture]")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('[data-picture]').naturalWidth === 8")
    assert picture.count() == 1


def fills(page):
    symbols = page.locator(".plot[aria-label^='Recall'] .mark-symbol.role-mark path").all()
    return {symbol.get_attribute("fill") for symbol in symbols}


def test_charts_follow_the_theme_and_the_button_changes_it(visit):
    page = visit(color_scheme="dark")
    unfold(page)
    draw_all(page)
    button = page.get_by_role("button", name="Light colours")
    dark, paper = fills(page), "getComputedStyle(document.body).backgroundColor"
    night = page.evaluate(paper)
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dark colours").wait_for()
    page.wait_for_function("fill => !document.querySelector(`[fill='${fill}']`)", arg=min(dark))
    assert len(fills(page)) == len(dark) == 2
    assert not fills(page) & dark
    assert page.evaluate(paper) != night


def column(table, place):
    return [
        row.locator("th, td").nth(place).inner_text() for row in table.locator("tbody tr").all()
    ]


def test_a_table_is_sorted_by_click_and_by_keyboard(visit):
    page = visit()
    part = page.locator("details[id='toy--runs']")
    part.locator("summary").first.click()
    part.locator("summary", has_text="Images per class of toy").click()
    table = page.get_by_role("group", name="Images per class of toy").locator("table")
    header = table.locator("thead th").nth(1)
    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert column(table, 1) == ["100", "20", "9", "3"]
    header.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert column(table, 1) == ["3", "9", "20", "100"]
    table.locator("thead th").nth(0).get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "none"
    assert sorted(column(table, 0)) == sorted(CLASSES)
    assert column(table, 0)[-1] == "plain"


def test_a_link_opens_what_it_leads_to_and_all_around_it(visit):
    page = visit("#toy/plain")
    opened = page.locator("details.class[open]")
    opened.wait_for()
    assert opened.locator("summary").first.inner_text().startswith("plain")
    assert page.evaluate("document.activeElement.textContent").startswith("plain")
    assert page.locator("details.part[open]").get_attribute("id") == "toy--classes"
    page.evaluate("location.hash = '#toy/7-7'")
    page.locator("details[id='toy/7-7'][open]").wait_for()
    page.evaluate("location.hash = '#toy--measures'")
    page.locator("details[id='toy--measures'][open]").wait_for()
    assert page.evaluate("document.activeElement.textContent").startswith("All measures")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (375, 812)])
def test_the_first_screen_has_sentences_and_chart(visit, width, height, scheme):
    size = {"width": width, "height": height}
    for anchor in ("", "#toy", f"#{SECOND}"):
        page = visit(anchor, viewport=size, color_scheme=scheme)
        section = page.locator("section.dataset").nth(int(anchor == f"#{SECOND}"))
        shown = [*section.locator(".answer p").all(), section.locator(".differences .panel").first]
        assert len(shown) >= 3
        for part in shown:
            box = part.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height
            assert box["x"] + box["width"] <= width
        if width > 1000:
            chart = section.locator(".differences").bounding_box()
            assert chart["y"] + chart["height"] <= height


def test_a_difference_says_its_side_by_colour_and_by_shape(visit):
    page = visit()
    for side, shape in (("better", "circle"), ("worse", "rect"), ("undecided", "circle")):
        row = page.locator(f".panel tr.{side}").first
        colour = row.locator(shape).evaluate("shape => getComputedStyle(shape).stroke")
        fill = row.locator(shape).evaluate("shape => getComputedStyle(shape).fill")
        assert (fill == colour) == (side != "undecided")
        assert row.locator(".unseen").inner_text() == side


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_is_in_the_way_of_those_who_do_not_see_the_page(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert list_violations(page) == []
    unfold(page)
    draw_all(page)
    assert list_violations(page) == []


def test_folded_parts_are_no_nodes_before_they_are_opened(visit):
    page = visit()
    count = "document.querySelectorAll('*').length"
    before = page.evaluate(count)
    part = page.locator("details[id='toy--performance']")
    assert part.locator("*").count() == 4  # summary, heading, hint, template
    part.locator("summary").first.click()
    part.locator(".plot svg").first.wait_for()
    assert page.evaluate(count) > before
    part.locator("summary").first.click()
    assert not part.locator(".plot").first.is_visible()
    part.locator("summary").first.focus()
    page.keyboard.press("Enter")
    part.locator(".plot").first.wait_for()


def test_a_figure_is_that_of_the_paper(visit):
    for scheme, button in (("light", "Dark colours"), ("dark", "Light colours")):
        page = visit("#toy--performance", color_scheme=scheme)
        light, dark = (page.locator(f".gallery img.{name}") for name in ("light", "dark"))
        light.wait_for(state="visible" if scheme == "light" else "hidden")
        assert dark.is_visible() == (scheme == "dark")
        page.get_by_role("button", name=button).click()
        light.wait_for(state="hidden" if scheme == "light" else "visible")
        assert dark.is_visible() == (scheme == "light")
        page.emulate_media(media="print")
        assert light.is_visible()
        assert not dark.is_visible()


def test_all_parts_are_opened_and_folded_at_once(visit):
    page = visit()
    button = page.locator("#unfold")
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("template").count() == 0
    assert page.locator("details:not([open])").count() == 0
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert page.locator("details[open]").count() == 0
    assert button.inner_text() == "Open all parts"


def test_a_search_and_a_print_find_what_is_folded(visit):
    page = visit()
    assert page.locator("template").count() > 0
    page.keyboard.press("Control+f")
    assert page.locator("template").count() == 0
    assert page.locator("details[open]").count() == 0
    printed = visit()
    printed.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert printed.locator("details:not([open])").count() == 0
    printed.wait_for_function(
        "document.querySelectorAll('.plot svg.marks').length ==="
        " document.querySelectorAll('.plot').length"
    )


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_no_page_is_wider_than_its_window(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    unfold(page)
    draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.locator(".wide").evaluate_all(
        "boxes => boxes.filter((box) => box.getBoundingClientRect().right > innerWidth).length"
    )
    assert wide == 0


def test_the_keyboard_reaches_the_content_first_and_no_control_is_a_division(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.locator("div[onclick], [role=button]:not(button)").count() == 0
