"""What dumps hold, and reading them; needs no network and no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt16

from imbalens.hdf5 import Variable, open_checked

FEATURES = "features"
FEATURES_VERSION = 1
FEATURE_ATTRIBUTES = ("splits", "class_names", "counts", "logit_scale")
# The attribute `head` says how logits come from features: "linear", weight @ features + bias, or
# "cosine", unit rows of weight @ features / |features|.
FEATURE_VARIABLES = (
    Variable("{split}/features", "float32", ("n", "d"), "pooled last convolutional layer"),
    Variable("{split}/logits", "float32", ("n", "m"), "output of the head, never normalised"),
    Variable("{split}/targets", "int64", ("n",), "label as in the prepared dataset"),
    Variable("{split}/index", "int64", ("n",), "position in the source's split"),
    Variable("head/weight", "float32", ("m", "d"), "see the attribute `head`"),
    Variable("head/bias", "float32", ("m",), "bias of the head, zero for a cosine head"),
    Variable("head/offset", "float32", ("m",), "added to scaled logits before deciding"),
)

SALIENCY = "saliency"
SALIENCY_VERSION = 1
SALIENCY_VARIABLES = (
    Variable("{split}/rank", "uint16", ("n", "h", "w"), "0 = most salient pixel of its image"),
)
MAX_PIXELS = 2**16


@dataclass(frozen=True)
class FeatureSplit:
    """One split seen through one network.

    Attributes:
        features: Feature embeddings.
        logits: Output of the head.
        scores: `logits * logit_scale + offset`: what a softmax or a decision is taken on.
        targets: Labels.
        index: Position of each image in the source's split.
    """

    features: Float[np.ndarray, "n d"]
    logits: Float[np.ndarray, "n m"]
    scores: Float[np.ndarray, "n m"]
    targets: Int[np.ndarray, " n"]
    index: Int[np.ndarray, " n"]

    @property
    def predictions(self) -> Int[np.ndarray, " n"]:
        """Class of the highest score."""
        return self.scores.argmax(1)


@dataclass(frozen=True)
class FeatureDump:
    """Features of several splits of one run.

    Attributes:
        class_names: Name of each class, in label order.
        counts: Training images per class.
        splits: The splits asked for, by name.
    """

    class_names: tuple[str, ...]
    counts: Int[np.ndarray, " m"]
    splits: dict[str, FeatureSplit]


def read_features(path: Path, splits: Sequence[str]) -> FeatureDump:
    """Read the splits of a feature dump.

    Raises:
        InputError: if the file is absent, damaged or lacks a split; it says what to run.
    """
    with open_checked(
        path,
        FEATURES,
        FEATURES_VERSION,
        FEATURE_VARIABLES,
        command=f"dvc repro dump_features@{path.stem}",
        needs=splits,
        attributes=FEATURE_ATTRIBUTES,
    ) as file:
        scale, offset = float(file.attrs["logit_scale"]), file["head/offset"][:]
        loaded = {}
        for split in splits:
            logits = file[f"{split}/logits"][:]
            loaded[split] = FeatureSplit(
                features=file[f"{split}/features"][:],
                logits=logits,
                scores=logits * np.float32(scale) + offset,
                targets=file[f"{split}/targets"][:],
                index=file[f"{split}/index"][:],
            )
        names = tuple(str(name) for name in file.attrs["class_names"])
        return FeatureDump(names, np.asarray(file.attrs["counts"]), loaded)


def read_saliency_ranks(path: Path, split: str) -> UInt16[np.ndarray, "n h w"]:
    """Read the saliency ranks of one split.

    Raises:
        InputError: if the file is absent, damaged or lacks the split; it says what to run.
    """
    with open_checked(
        path,
        SALIENCY,
        SALIENCY_VERSION,
        SALIENCY_VARIABLES,
        command=f"dvc repro dump_saliency@{path.stem}",
        needs=[split],
    ) as file:
        return file[f"{split}/rank"][:]
