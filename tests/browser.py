"""Which browser the tests of pages open, and the mark of tests that need one."""

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
