from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from imbalens.data.prepare import prepare
from imbalens.dumps.trained import Trained, load_trained
from imbalens.models.checkpoint import save_weights
from tests.dumps.cases import DATASET, make_run, random_network


@pytest.fixture(scope="package")
def data(tmp_path_factory) -> Path:
    """A prepared dataset of some dozens of images in three splits."""
    path = tmp_path_factory.mktemp("project") / "data" / "prepared" / "tiny.h5"
    prepare(DATASET, path)
    return path


@pytest.fixture(scope="package")
def project(data) -> Path:
    """The folder that the dataset lies in, at its place under data/."""
    return data.parents[2]


@pytest.fixture(scope="package")
def load(project):
    """Load a network with random weights, from a file, for the loss of this name."""

    def load(loss: str, splits: list[str] | None = None) -> Trained:
        save_weights(random_network(loss), project / f"data/models/{loss}.pt", metadata={})
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(project)
            return load_trained(loss, make_run(loss), device_name="cpu", splits=splits)

    return load


@pytest.fixture(scope="package")
def one_by_one(data):
    """Compute features and logits of one split's images plainly, each on its own."""

    def compute(loss: str, split: str) -> tuple[np.ndarray, np.ndarray]:
        model = random_network(loss).eval()
        features: list[np.ndarray] = []
        model.linear.register_forward_pre_hook(lambda _, given: features.append(given[0].numpy()))
        with torch.no_grad():
            logits = [model(image).numpy() for image in normalized_images(data, split)]
        return np.concatenate(features), np.concatenate(logits)

    return compute


@pytest.fixture(scope="package")
def image_batches(data):
    """Return a split's images, each as a batch of one, normalised plainly."""
    return lambda split: normalized_images(data, split)


def normalized_images(data: Path, split: str) -> list[torch.Tensor]:
    with h5py.File(data) as file:
        images = (file[f"{split}/images"][:] / 255 - file.attrs["mean"]) / file.attrs["std"]
    return [torch.from_numpy(image.transpose(2, 0, 1)[None]).float() for image in images]
