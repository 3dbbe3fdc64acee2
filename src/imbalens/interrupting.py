"""What a program says that is interrupted by Ctrl-C while it is still being loaded.

Importing this is what does it: `stage` imports it before all that takes time.
"""

import sys
from types import TracebackType

INTERRUPTED = "interrupted; the same command goes on, training from its last epoch"
INTERRUPTED_STATUS = 130  # of a process that ends so, as shells have it


def say_interrupted(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Say that the program was interrupted; show any other error as before."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)  # Python then ends the process as the signal does
    else:
        _before(kind, error, traceback)


_before, sys.excepthook = sys.excepthook, say_interrupted
