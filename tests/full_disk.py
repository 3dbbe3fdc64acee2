"""A disk that is full."""

import gc
from contextlib import contextmanager

import pytest


@contextmanager
def file_size_limit(size):
    """Let writing beyond a size fail, as on a full disk, for what the block itself writes."""
    resource = pytest.importorskip("resource", reason="limits of file sizes are of Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    gc.collect()  # whatever other tests left open is closed before, not meanwhile
    gc.disable()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        gc.enable()
