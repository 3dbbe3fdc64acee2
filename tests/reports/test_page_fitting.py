"""The report's size: what is left out where it would be too large, and that it says so."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.reports.page.fitting import TAG, fit_figures, fit_page, fit_prototypes
from imbalens.reports.page.report import describe_dataset, render_report
from tests.page_cases import ARCHETYPES, CLASSES, RUNS, VERSIONS, results

KEYS = [(run, label, kind) for run in RUNS for label in CLASSES for kind in ARCHETYPES]


def fit(part, limit):
    return fit_page([part], versions=VERSIONS, vega=["/* vega */"], limit=limit)


def with_figure():
    figure = replace(results().figures[0], source="data:image/png;base64," + "A" * 1000)
    return results(figures=[figure])


def test_a_page_that_fits_is_shown_whole():
    whole = render_report([describe_dataset(results())], versions=VERSIONS, vega=["/* vega */"])
    assert fit(results(), 10_000_000) == (whole, "")
    assert fit(results(), len(whole.encode()) + 2 * TAG) == (whole, "")


def test_figures_go_before_the_limit_is_exceeded():
    whole = render_report(
        [describe_dataset(with_figure())], versions=VERSIONS, vega=["/* vega */"]
    )
    limit = len(whole.encode()) - 1
    page, excess = fit(with_figure(), limit)
    assert excess == ""
    assert len(page.encode()) <= limit
    assert "see <code>plots/x.png</code>" in page


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_figures_for_dark_paper_go_before_others_and_never_stay_alone(sizes, limit):
    (one,) = results().figures
    figures = [replace(one, source="s" * size, dark="d" * dark) for size, dark in sizes]
    (kept,) = fit_figures([results(figures=figures)], limit=limit)
    total = sum(size for size, _ in sizes)
    assert sum(len(item.source) + len(item.dark) for item in kept.figures) <= limit
    if total <= limit:
        assert [item.source for item in kept.figures] == [item.source for item in figures]
    else:
        assert all(len(item.dark) <= limit for item in kept.figures)
    for item in kept.figures:
        assert item.source or not item.dark


def test_a_page_too_large_without_figures_says_so():
    page, excess = fit(results(), 1000)
    assert excess.startswith("This page has 0.")
    assert "MB, above the 0.0 MB" in excess
    assert f"<li>{excess}</li>" in page
    assert "see <code>plots/x.png</code>" in page


def test_a_picture_that_many_prototypes_show_is_in_the_page_once():
    source = "data:image/png;base64,AAAA"
    page, _ = fit(results(prototypes=dict.fromkeys(KEYS, source)), 10_000_000)
    assert page.count(source) == 1
    assert page.count('data-picture="0"') == len(KEYS)


@given(st.lists(st.integers(0, 9), min_size=len(KEYS), max_size=len(KEYS)), st.integers(0, 300))
@settings(deadline=None, max_examples=50)
def test_prototypes_are_left_out_by_archetype_and_run(pictures, limit):
    sources = {key: "x" * (10 + place) for key, place in zip(KEYS, pictures, strict=True)}
    part = fit_prototypes(results(prototypes=sources), limit=limit)
    assert part.prototypes.items() <= sources.items()
    assert part.unseen == sources.keys() - part.prototypes.keys()
    assert sum(map(len, set(part.prototypes.values()))) <= limit
    assert bool(part.left_out) == bool(part.unseen)
    levels = [(kind, run) for kind in ARCHETYPES for run in RUNS]
    kept = [level for level in levels if any((k[2], k[0]) == level for k in part.prototypes)]
    assert kept == levels[: len(kept)]
    assert len(part.prototypes) == len(kept) * len(CLASSES)
    if len(kept) < len(levels):
        more = [key for key in KEYS if (key[2], key[0]) in levels[: len(kept) + 1]]
        assert sum(map(len, {sources[key] for key in more})) > limit


@pytest.mark.parametrize("limit", [0, 12])
def test_a_prototype_left_out_is_not_shown_as_an_empty_group(limit):
    sources = {(RUNS[0], CLASSES[0], kind): f"data:{kind:>7}" for kind in ("safe", "rare")}
    part = fit_prototypes(results(prototypes=sources), limit=limit)
    page = describe_dataset(part).pages[0]
    expected = ["safe", "border", "outlier"] if limit else ["border", "outlier"]
    assert [prototype.archetype for prototype in page.prototypes[RUNS[0]]] == expected
    assert part.left_out[0].startswith(f"{bool(limit):d} of 2 prototypes are shown")
