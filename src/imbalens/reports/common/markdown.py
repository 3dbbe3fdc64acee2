"""Tables in Markdown, whose cells hold nothing but text: names of classes may be anything."""

from collections.abc import Sequence


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
    return [
        f"| {' | '.join(cells)} |"
        for cells in (map(escape, head), sides, *(map(escape, row) for row in rows))
    ]


def escape(text: str) -> str:
    """Return text that Markdown shows as it is: on one line, no table's edge, no HTML, no link."""
    signs = {"\\": "\\\\", "|": "\\|", "<": "&lt;", "](": "]\\("}
    line = " ".join(text.split())
    for sign, shown in signs.items():
        line = line.replace(sign, shown)
    return line
