from dataclasses import replace
from math import nan

import numpy as np
import pytest

from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.verdicts import Claim, judge, unjudged
from imbalens.reports.claims import (
    SHOWN,
    claims_figure,
    claims_markdown,
    claims_metrics,
    claims_table,
    draw_claims,
    sentences_table,
)
from tests.analysis.claims.rules import rules


def claim(name, paper="A", side="above", threshold=0.0):
    return Claim(
        id=name,
        paper=paper,
        section="5, Table 1",
        text=f"{name} by much",
        statistic=f"difference of {name}",
        side=side,
        threshold=threshold,
        unit="images",
        undefined="nothing was drawn",
    )


RISES, WITHIN, ABSENT = claim("x_rises"), claim("y_marginal", "A", "within"), claim("z", "B")


def found(of, run, low, high, threshold=0.0):
    estimate = Estimate((low + high) / 2, low, high, 40, p=0.5)
    of = replace(of, threshold=threshold)
    return judge(of, estimate, rules=rules(alpha=0.8), judged=run, baseline="bce", p_adjusted=0.75)


FINDINGS = [
    found(RISES, "wbce", 0.25, 0.75),
    found(WITHIN, "wbce", -0.125, 0.375, 0.25),
    found(RISES, "focal", -0.75, -0.25),
    unjudged(ABSENT, "not applicable", "No run has it."),
]


def test_the_table_keeps_the_rows_of_a_claim_together():
    table = claims_table(FINDINGS)
    assert table["claim"].tolist() == ["x_rises", "x_rises", "y_marginal", "z"]
    assert table["judged"].tolist() == ["wbce", "focal", "wbce", "(no run)"]
    assert table["verdict"].tolist() == [
        "holds",
        "does not hold",
        "not decided",
        "not applicable",
    ]
    first = table.iloc[0].to_dict()
    reason = first.pop("reason")
    assert first == {
        "claim": "x_rises",
        "paper": "A",
        "section": "5, Table 1",
        "text": "x_rises by much",
        "judged": "wbce",
        "baseline": "bce",
        "statistic": "difference of x_rises",
        "value": 0.5,
        "low": 0.25,
        "high": 0.75,
        "threshold": 0.0,
        "side": "above",
        "n": 40,
        "unit": "images",
        "p": 0.5,
        "p_adjusted": 0.75,
        "seeds": 1,
        "verdict": "holds",
    }
    assert reason == FINDINGS[0].reason


def test_metrics_are_nested_by_claim_and_run():
    metrics = claims_metrics(FINDINGS)
    assert {name: list(runs) for name, runs in metrics.items()} == {
        "x_rises": ["wbce", "focal"],
        "y_marginal": ["wbce"],
        "z": ["(no run)"],
    }
    assert metrics["x_rises"]["focal"] == {
        "statistic": -0.5,
        "low": -0.75,
        "high": -0.25,
        "threshold": 0.0,
        "n": 40,
        "verdict": "does not hold",
    }
    np.testing.assert_equal(
        metrics["z"]["(no run)"],
        {
            "statistic": nan,
            "low": nan,
            "high": nan,
            "threshold": nan,
            "n": 0,
            "verdict": "not applicable",
        },
    )


def test_markdown_by_hand():
    sentences = {"IoBB": "it survives."}
    text = claims_markdown(claims_table(FINDINGS), dataset="d", sentences=sentences, alpha=0.05)
    lines = text.splitlines()
    assert lines[0] == "# d: claims of both papers"
    assert [line for line in lines if line.startswith("## ")] == [
        "## Do paper A's effects survive at matched scale?",
        "## Paper A",
        "## Paper B",
    ]
    assert "- IoBB: it survives." in lines
    assert "all classes, is at most 0.05 too" in text
    table = sentences_table(sentences)
    assert table.to_dict("records") == [{"measure": "IoBB", "sentence": "it survives."}]
    assert (
        "| x_rises by much | 5, Table 1 | wbce | holds | The difference of x_rises, 0.5 "
        "[0.25, 0.75], lies above 0 (40 images, adjusted p 0.75). |"
    ) in lines
    assert "| z by much | 5, Table 1 | (no run) | not applicable | No run has it. |" in lines


def drawn(axes):
    """Per run: interval, statistic, colour and marker of the verdict."""
    lines = axes.lines[-2 * len(axes.get_yticks()) :]
    return [
        (*interval.get_xdata(), *point.get_xdata(), point.get_color(), point.get_marker())
        for interval, point in zip(lines[::2], lines[1::2], strict=True)
    ]


def test_each_claim_with_an_interval_has_a_panel_of_its_runs():
    figure = claims_figure(claims_table(FINDINGS), dataset="d")
    panels = [axes for axes in figure.axes if axes.axison]
    rises, within = panels
    assert [label.get_text() for label in rises.get_yticklabels()] == ["wbce", "focal"]
    assert drawn(rises) == [
        (0.25, 0.75, 0.5, *SHOWN["holds"]),
        (-0.75, -0.25, -0.5, *SHOWN["does not hold"]),
    ]
    assert drawn(within) == [(-0.125, 0.375, 0.125, *SHOWN["not decided"])]
    assert figure.get_suptitle().endswith("\n1 of 3 claims have no interval here")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:3] == list(SHOWN)


@pytest.mark.parametrize(
    ("side", "threshold", "lines", "shaded"),
    [
        ("above", 0.0, [0.0], (0.0, None)),
        ("below", 0.0, [0.0], (None, 0.0)),
        ("within", 0.25, [-0.25, 0.25], (-0.25, 0.25)),
    ],
)
def test_the_claimed_side_is_shaded(side, threshold, lines, shaded):
    item = found(claim("x", "A", side), "r", 0.5, 0.75, threshold)
    (axes,) = [
        axes for axes in claims_figure(claims_table([item]), dataset="d").axes if axes.axison
    ]
    left, right = axes.get_xlim()
    assert left < min(*lines, 0.5)
    assert right > 0.75
    assert [line.get_xdata()[0] for line in axes.lines[: len(lines)]] == lines
    box = axes.patches[0].get_bbox()
    assert (box.x0, box.x1) == (
        left if shaded[0] is None else shaded[0],
        right if shaded[1] is None else shaded[1],
    )


def test_a_dataset_without_any_interval_says_so(tmp_path):
    table = claims_table([unjudged(ABSENT, "not applicable", "No run has it.")])
    axes = claims_figure(table, dataset="d").axes[0]
    assert [text.get_text() for text in axes.texts] == ["no claim has an interval"]
    for name in ("first.png", "second.png"):
        draw_claims(table, tmp_path / name, dataset="d")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_an_interval_of_no_width_on_the_threshold_is_drawn():
    figure = claims_figure(claims_table([found(RISES, "r", 0.0, 0.0)]), dataset="d")
    assert drawn(figure.axes[0])[0][:3] == (0.0, 0.0, 0.0)
    assert figure.axes[0].get_xlim() == (-0.5, 0.5)
