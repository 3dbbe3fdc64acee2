"""The shell of every page: head, style, theme button and scripts, all within one HTML file."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from imbalens.errors import InputError
from imbalens.reports.common.palette import css_variables
from imbalens.store.files import jsonable

PACKAGE = "imbalens.reports.page"
VEGA = ("vega", "vega-lite", "vega-embed")
VEGA_PAGE = "plots.html"  # the page that `dvc plots` fills in, see .dvc/config


def make_environment(package: str) -> Environment:
    """Make the Jinja environment of a package's folder `templates`: everything is escaped.

    A name that a template asks for and that it was not given is an error.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


ENVIRONMENT = make_environment(PACKAGE)


def render_page(
    *, title: str, subtitle: str, body: Markup, styles: str = "", scripts: Sequence[str] = ()
) -> str:
    """Put a body into a page that needs nothing but itself, and tell the browser so.

    The page has a skip link to `#main`, a header with title and theme button, colours as CSS
    variables for light and dark, and an event `themechange` on `document` after a change. Its
    content security policy forbids every request.

    Args:
        title: Title and first heading.
        subtitle: A line under the heading.
        body: What stands between header and end, as HTML: a `<main id="main">`, and whatever
            goes before it.
        styles: CSS of this page beside that of the shell.
        scripts: JavaScript in the order in which it runs, after the body.
    """
    return ENVIRONMENT.get_template("shell.html").render(
        title=title,
        subtitle=subtitle,
        body=body,
        # CSS and code are ours, or vega's; the only text that could end their element is this
        styles=[
            Markup(text) for text in (css_variables(), read_asset("shell.css"), styles) if text
        ],
        scripts=[Markup(text) for text in (read_asset("shell.js"), *scripts)],
    )


def read_asset(name: str) -> str:
    """Return the text of a CSS or JavaScript file of this package."""
    return (files(PACKAGE) / name).read_text(encoding="utf-8")


def embed_json(values: Mapping[str, Any] | Sequence[Any]) -> Markup:
    """Return values as JSON that may stand within a script element: no text can end it.

    Numpy values become plain ones, NaN becomes null.
    """
    return htmlsafe_json_dumps(
        jsonable(values), dumps=json.dumps, allow_nan=False, separators=(",", ":")
    )


def read_vega() -> list[str]:
    """Return the scripts of charts, see `find_vega`, which are part of this package."""
    return find_vega(read_asset(VEGA_PAGE))


def find_vega(page: str) -> list[str]:
    """Return the scripts of vega, vega-lite and vega-embed, with their licence before them.

    Args:
        page: Text of the page that `dvc plots` fills in, which carries all three.

    Raises:
        InputError: if one of them is not there.
    """
    licence = re.search(r"<!--(.*?)-->", page, flags=re.DOTALL)
    scripts = [f"/*{licence[1]}*/"] if licence else []
    found = re.findall(r"<script>(/\* (\S+?)-\d[\d.]*,.*?)</script>", page, flags=re.DOTALL)
    named = {name: script for script, name in found}
    for name in VEGA:
        if name not in named:
            raise InputError(
                f"reports/page/{VEGA_PAGE} of the package has no script of {name} (found: "
                f"{', '.join(named) or 'none'}); install the package anew"
            )
        scripts.append(named[name])
    return scripts
