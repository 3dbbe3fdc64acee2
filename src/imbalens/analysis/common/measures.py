"""What is measured of a run: each measure is declared once, here or with its kernel.

Tables, figures and comparisons take a measure's name, heading and rule for means from its
declaration. Those of the stage `performance` stand beside their kernels, in
`analysis.performance.measures`.
"""

from dataclasses import dataclass
from typing import Literal

MeanOverClasses = Literal["rates", "rankings"]
Mean = MeanOverClasses | Literal["defined", "pairs", "images", "errors"]
Interval = Literal["wald", "share", "logit"]
ONE_EACH = "these trainings"  # what a difference is of where each side was trained once


@dataclass(frozen=True)
class MeasureSpec:
    """A measure as it is declared.

    Attributes:
        name: What it is called in tables.
        stage: Stage in whose metrics it stands.
        heading: Its name in words.
        better: Whether it should go up or down; None if neither is better.
        mean: What it is averaged over. "rates": all classes with at least one evaluation image.
            "rankings": classes with enough images (`min_images`) with and without them.
            "defined": classes that it is defined for; of two runs those that both define. "pairs":
            pairs of an image and a class. "images": annotated images. "errors": all errors. None:
            it is no mean.
        per_class: Whether it is given of each class too.
        in_table: Whether it stands in the table of all settings.
        headline: Whether it is one of the few that answer what the loss changed, see
            `analysis.summary`.
        has_interval: Whether resampling says how far a difference may lie from that on other
            images.
        key: Where it stands in the stage's metrics, levels joined by dots; its name if empty.
        main: Whether claims judge it over all classes: its p is corrected among those alone.
        interval: How the interval of a difference is made, see `compare_paired`. "share": of a
            share of images, or a mean of shares. "logit": of what is likely to be near 1. "wald":
            of anything else.
    """

    name: str
    stage: str
    heading: str
    better: Literal["up", "down"] | None
    mean: Mean | None
    per_class: bool = False
    in_table: bool = False
    headline: bool = False
    has_interval: bool = True
    key: str = ""
    main: bool = False
    interval: Interval = "wald"

    @property
    def direction(self) -> str:
        """Which values are better, in words; nothing if neither are."""
        return {"up": "higher is better", "down": "lower is better", None: ""}[self.better]

    @property
    def path(self) -> tuple[str, ...]:
        """Keys that lead to it in the stage's metrics."""
        return tuple((self.key or self.name).split("."))


LOG_LOSS = MeasureSpec("log_loss", "adversaries", "log loss of foretold errors", "down", "errors")
LOG_LOSS_FDR = MeasureSpec(
    "log_loss_fdr",
    "adversaries",
    "log loss from FDR",
    "down",
    "errors",
    key="baseline_log_loss.FDR",
)
LOG_LOSS_RANDOM = MeasureSpec(
    "log_loss_random",
    "adversaries",
    "log loss from random",
    "down",
    "errors",
    key="baseline_log_loss.random",
)
# of equally good predictions that of fewer errors is larger: no interval of a difference
KLD = MeasureSpec("kld", "adversaries", "KLD", "down", "defined", has_interval=False)
KLD_FDR = MeasureSpec(
    "kld_fdr",
    "adversaries",
    "KLD from FDR",
    "down",
    "defined",
    has_interval=False,
    key="baseline_kld.FDR",
)
KLD_RANDOM = MeasureSpec(
    "kld_random",
    "adversaries",
    "KLD from random",
    "down",
    "defined",
    has_interval=False,
    key="baseline_kld.random",
)
ADVERSARIES = (LOG_LOSS, LOG_LOSS_FDR, LOG_LOSS_RANDOM, KLD, KLD_FDR, KLD_RANDOM)

IOBB = MeasureSpec(
    "iobb",
    "cam_alignment",
    "IoBB",
    "up",
    "pairs",
    per_class=True,
    in_table=True,
    headline=True,
    main=True,
)
IOR = MeasureSpec(
    "ior", "cam_alignment", "IoR", "up", "pairs", per_class=True, in_table=True, main=True
)
IOU = MeasureSpec("iou", "cam_alignment", "IoU", "up", "pairs", per_class=True, in_table=True)
POINTING = MeasureSpec(
    "pointing",
    "cam_alignment",
    "pointing game",
    "up",
    "pairs",
    per_class=True,
    in_table=True,
    headline=True,
    interval="share",
)
POINTING_CONTROLLED = MeasureSpec(
    "pointing_controlled",
    "cam_alignment",
    "pointing game, less that of shifted boxes",
    "up",
    "pairs",
    per_class=True,
    key="controlled.pointing",
    main=True,
)
ALL_ZERO = MeasureSpec(
    "all_zero",
    "cam_alignment",
    "all-zero maps",
    "down",
    "pairs",
    per_class=True,
    in_table=True,
    interval="share",
)
IOBB_UNTRAINED = MeasureSpec(
    "iobb_untrained",
    "cam_alignment",
    "IoBB, untrained",
    None,
    "pairs",
    in_table=True,
    key="untrained.iobb",
)
IOBB_SHIFTED = MeasureSpec(
    "iobb_shifted",
    "cam_alignment",
    "IoBB, shifted boxes",
    None,
    "pairs",
    in_table=True,
    key="shifted.iobb",
)
EMPTY_MATCHED = MeasureSpec(
    "empty_matched",
    "cam_alignment",
    "empty maps, matched scale",
    "down",
    "pairs",
    per_class=True,
    key="matched.empty",
    interval="share",
)
CAM_ALIGNMENT = (
    *(IOBB, IOR, IOU, POINTING, POINTING_CONTROLLED, ALL_ZERO),
    *(IOBB_UNTRAINED, IOBB_SHIFTED, EMPTY_MATCHED),
)

IOBB_MATCHED = MeasureSpec(
    "iobb_matched",
    "cam_alignment",
    "IoBB, matched scale",
    "up",
    "pairs",
    per_class=True,
    key="matched.iobb",
    main=True,
)
IOR_MATCHED = MeasureSpec(
    "ior_matched",
    "cam_alignment",
    "IoR, matched scale",
    "up",
    "pairs",
    per_class=True,
    key="matched.ior",
    main=True,
)
PIXEL_AUROC = MeasureSpec(
    "auroc",
    "cam_alignment",
    "AUROC of pixels in boxes",
    "up",
    "pairs",
    per_class=True,
    key="matched.auroc",
    main=True,
)
MATCHED_SCALE = (IOBB_MATCHED, IOR_MATCHED, PIXEL_AUROC)

DISJOINT = MeasureSpec(
    "disjoint", "concepts", "disjoint concepts", None, "images", in_table=True, main=True
)
UNIQUE = MeasureSpec(
    "unique", "concepts", "unique concepts", None, "images", in_table=True, main=True
)
DEAD_CHANNELS = MeasureSpec(
    "dead_channels", "concepts", "dead channels", "down", None, in_table=True
)
CONCEPTS = (DISJOINT, UNIQUE, DEAD_CHANNELS)
