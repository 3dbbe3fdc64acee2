"""What is raised when a user is to change something."""


class InputError(ValueError):
    """Something the user gave is wrong; the message says where, what, and what to do next."""
