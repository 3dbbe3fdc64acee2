"""What is raised when a user is to change something, and how it is shown."""


class InputError(ValueError):
    """Something the user gave is wrong; the message says where, what, and what to do next."""


class NotApplicable(InputError):
    """Something was asked that what is given cannot tell; the message says what it lacks."""


def escape(line: str) -> str:
    """Return a line whose characters can all be shown: others may be commands of a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
