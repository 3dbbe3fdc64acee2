"""`python -m imbalens` is `imbalens`."""

from imbalens.cli import run

run()
