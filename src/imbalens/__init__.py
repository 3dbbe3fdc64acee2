"""What a loss changes inside an image classifier that is trained on imbalanced data.

Everything at once, and a page of it: `imbalens.analyze(features, labels, logits)`.

The questions, each a call on arrays of one's own (docs/from-python.md):

    archetypes         which training images are typical, and which are not
    adversaries        which classes lie near, and whether they foretell the errors
    label_errors       which labels may be wrong
    feature_overlap    which features stand for classes, and which classes share them
    performance        what a classifier gets right
    saliency_colours   which colours its decisions depend on
    cam_alignment      whether class activation maps lie where boxes are
    concepts           how many concepts its channels detect in boxes

They are imported when asked for: stages and commands import modules, and start without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imbalens.api.analysis import Analysis
    from imbalens.api.analyze import analyze
    from imbalens.api.answer import Answer
    from imbalens.api.features import (
        adversaries,
        archetypes,
        feature_overlap,
        label_errors,
        performance,
    )
    from imbalens.api.maps import cam_alignment, concepts, saliency_colours
    from imbalens.errors import InputError

    __version__: str

__all__ = [
    "Analysis",
    "Answer",
    "InputError",
    "__version__",
    "adversaries",
    "analyze",
    "archetypes",
    "cam_alignment",
    "concepts",
    "feature_overlap",
    "label_errors",
    "performance",
    "saliency_colours",
]

_HOMES = {
    "imbalens.api.analysis": ("Analysis",),
    "imbalens.api.analyze": ("analyze",),
    "imbalens.api.answer": ("Answer",),
    "imbalens.api.features": (
        "adversaries",
        "archetypes",
        "feature_overlap",
        "label_errors",
        "performance",
    ),
    "imbalens.api.maps": ("cam_alignment", "concepts", "saliency_colours"),
    "imbalens.errors": ("InputError",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever bears the name
    """Import what is asked for."""
    if name == "__version__":
        return import_module("importlib.metadata").version("imbalens")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'imbalens' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted(__all__)
