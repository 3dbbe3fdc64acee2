"""The report in a browser without network: charts, sorting, links, width, hostile names."""

import pytest

from imbalens.reports.page.report import describe_dataset, render_report
from imbalens.reports.page.results import anchors
from imbalens.reports.page.shell import read_vega
from tests.browser import needs_browser
from tests.page_cases import CLASSES, VERSIONS, differences, results

pytestmark = needs_browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    vega = read_vega()
    text = render_report([describe_dataset(results())], versions=VERSIONS, vega=vega)
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


def draw_all(page):
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg").wait_for()


MARKS = ".mark-symbol.role-mark path, .mark-rect.role-mark path, .mark-line.role-mark path"


def test_every_chart_has_marks(visit):
    page = visit()
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
    page.get_by_text("Images per class", exact=True).click()
    table = page.get_by_role("region", name="Images per class of toy").locator("table")
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


def test_a_link_to_a_class_opens_it(visit):
    page = visit("#toy/plain")
    opened = page.locator("details.class[open]")
    opened.wait_for()
    assert opened.locator("summary").first.inner_text() == "plain"
    assert page.evaluate("document.activeElement.textContent") == "plain"
    page.evaluate("location.hash = '#toy/7-7'")
    page.locator("details[id='toy/7-7'][open]").wait_for()


@pytest.mark.parametrize("width", [375, 1280])
def test_no_page_is_wider_than_its_window(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
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
