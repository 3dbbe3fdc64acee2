import pytest

from imbalens.reports.common.markdown import escape_markdown, markdown_table

HOSTILE = {
    "<script>alert(1)</script>": "&lt;script>alert(1)&lt;/script>",
    "&lt;b&gt;": "&amp;lt;b&amp;gt;",
    "[look](javascript:alert(1))": r"[look\](javascript:alert(1))",
    "![](http://elsewhere/x.png)": r"![\](http://elsewhere/x.png)",
    "[look][1]": r"[look\][1]",
    "a|b": r"a\|b",
    "a\\|b": r"a\\\|b",
    "one\n| two |\r\n\tthree": r"one \| two \| three",
    "__init__ _x_ *b* `c` ~~d~~ $e$": r"\_\_init\_\_ \_x\_ \*b\* \`c\` \~\~d\~\~ \$e\$",
    "phantom/cb_focal": "phantom/cb_focal",
    "0.28 [0.24, 0.32]": "0.28 [0.24, 0.32]",
}


@pytest.mark.parametrize(("text", "written"), HOSTILE.items())
def test_a_name_is_shown_as_it_is(text, written):
    assert escape_markdown(text) == written


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_keeps_its_shape_whatever_its_cells_hold(text):
    lines = markdown_table([text, "n"], [[text, "1"], ["b", text]], numbers=1)
    assert len(lines) == 4
    assert lines[1] == "| --- | ---: |"
    assert [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines] == [3] * 4
