"""Which browser the tests of pages open, the mark of tests that need one, and what all ask."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
REQUIRED = "IMBALENS_REQUIRE_BROWSER"  # set where skipping would go unnoticed
if os.environ.get(REQUIRED) and BROWSER is None:
    raise RuntimeError(f"{REQUIRED} is set, and none of {', '.join(NAMES)} is on the PATH")
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"none of {', '.join(NAMES)} here: apt-get install chromium"
)


def list_violations(page) -> list[str]:
    """Return what axe-core finds wrong with a page as it stands, one line per rule and element.

    The script is handed to the page by the browser's debugger, so that the page's content
    security policy stays in force.
    """
    tool = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = tool.Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
