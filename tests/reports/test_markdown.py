import pytest

from imbalens.reports.common.markdown import escape, markdown_table

HOSTILE = {
    "<script>alert(1)</script>": "&lt;script>alert(1)&lt;/script>",
    "[look](javascript:alert(1))": r"[look]\(javascript:alert(1))",
    "![](http://elsewhere/x.png)": r"![]\(http://elsewhere/x.png)",
    "a|b": r"a\|b",
    "a\\|b": r"a\\\|b",
    "one\n| two |\r\n\tthree": r"one \| two \| three",
    "0.28 [0.24, 0.32]": "0.28 [0.24, 0.32]",
}


@pytest.mark.parametrize(("text", "written"), HOSTILE.items())
def test_a_name_is_shown_as_it_is(text, written):
    assert escape(text) == written


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_keeps_its_shape_whatever_its_cells_hold(text):
    lines = markdown_table([text, "n"], [[text, "1"], ["b", text]], numbers=1)
    assert len(lines) == 4
    assert lines[1] == "| --- | ---: |"
    assert [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines] == [3] * 4
