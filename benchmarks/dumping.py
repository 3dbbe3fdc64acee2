"""How fast features are dumped, beside inference alone."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.generated import N_CLASSES, describe, generate_tensors, normalized_batches
from benchmarks.timing import Row, measure, require_equal, speed_row
from imbalens.dumps.features import dump_features
from imbalens.dumps.files import read_features
from imbalens.dumps.trained import Trained
from imbalens.models.build import build_model
from imbalens.models.network import Network
from imbalens.params.runs import Ce, CifarResnet

Outputs = tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n m"]]


@dataclass(frozen=True)
class DumpSize:
    """How many images are dumped."""

    image_size: int
    n_images: int
    batch_size: int
    rounds: int


DUMP = DumpSize(image_size=32, n_images=1536, batch_size=256, rounds=3)
DUMP_QUICK = DumpSize(image_size=16, n_images=8, batch_size=4, rounds=1)


def measure_dumping(*, quick: bool) -> list[Row]:
    """Compare `dump_features` with the forward passes over normalised images in memory."""
    size = DUMP_QUICK if quick else DUMP
    torch.manual_seed(0)
    images = generate_tensors(size.n_images, size.image_size)
    model = build_model(CifarResnet(name="resnet32"), Ce(name="ce"), N_CLASSES)
    model.to(memory_format=torch.channels_last).eval()
    trained = Trained(
        model,
        scale=1.0,
        offset=torch.zeros(N_CLASSES),
        prepared=describe(images),
        images={"train": images},
        index={"train": np.arange(size.n_images)},
    )
    batches = normalized_batches(images, size.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.h5"
        seconds = measure(
            {
                "dump": partial(_dump, trained, path, size.batch_size),
                "inference": partial(_infer, model, batches),
            },
            check=_require_equal_outputs,
            rounds=size.rounds,
        )
    return [
        speed_row(
            "dump_features",
            f"`dump_features`; ResNet-32, batch {size.batch_size}, {size.image_size} px",
            "inference alone over normalised batches in memory",
            ours=seconds["dump"],
            theirs=seconds["inference"],
            at_least=0.90,
        )
    ]


def _dump(trained: Trained, path: Path, batch_size: int) -> Path:
    dump_features(trained, path, run="generated", loss="ce", batch_size=batch_size)
    return path


def _infer(model: Network, batches: list[Float[Tensor, "b c h w"]]) -> Outputs:
    with torch.inference_mode():
        features = [model.forward_features(batch) for batch in batches]
        logits = [model.classify(values) for values in features]
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def _require_equal_outputs(dump: Path | Outputs, inference: Path | Outputs) -> None:
    assert isinstance(dump, Path)
    assert isinstance(inference, tuple)
    dumped = read_features(dump, ["train"], decision="half").splits["train"]
    require_equal(dumped.features, inference[0], "features")
    require_equal(dumped.logits, inference[1], "logits")
