"""Tables in Markdown, whose cells hold nothing but text: names of classes may be anything."""

import re
from collections.abc import Sequence

# signs that format text or make a link of it; _ does so but within a word
SIGNS = re.compile(r"[\\|`*~$]|\](?=[(\[])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def markdown_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0
) -> list[str]:
    """Return the lines of a table.

    Args:
        head: Names of the columns.
        rows: A text per column.
        numbers: How many of the last columns hold numbers, which stand at the right.
    """
    sides = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    cells = [list(map(escape_markdown, row)) for row in (head, *rows)]
    return [f"| {' | '.join(row)} |" for row in (cells[0], sides, *cells[1:])]


def escape_markdown(text: str) -> str:
    """Return text that is shown as it is: on one line, no table's edge, no HTML, no format.

    An address, such as one that begins with www., may still be made a link to itself.
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return SIGNS.sub(r"\\\g<0>", line)
