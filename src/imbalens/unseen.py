"""Characters that nobody sees, or that tell a terminal what to do."""

import unicodedata

# controls and ends of lines; zero widths and directions; lone surrogates, which are no text
UNSEEN = {"Cc", "Zl", "Zp", "Cf", "Cs"}


def is_unseen(character: str) -> bool:
    """Tell whether a character is shown by nothing of its own."""
    return unicodedata.category(character) in UNSEEN


def escape_unseen(text: str) -> str:
    r"""Write characters that nobody sees, or that end a line, as escapes such as \n."""
    if text.isprintable():  # as most are, and then there is nothing to do
        return text
    return "".join(
        each.encode("unicode_escape").decode("ascii") if is_unseen(each) else each for each in text
    )
