"""Two public networks, and what is right of real images with them."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights
from imbalens.params.normalization import NAMED
from imbalens.params.runs import Ce, CifarResnet

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
EVERY = 10  # test image; of all, 91.73 and 92.63 % are right


@pytest.fixture(scope="module")
def images():
    with zipfile.ZipFile(REAL / "cifar10_lt100.zip") as file:
        names = sorted(name for name in file.namelist() if name.startswith("test/"))
        names = [name for name in names if name.endswith(".png")][::EVERY]
        pixels = np.stack([np.asarray(Image.open(io.BytesIO(file.read(name)))) for name in names])
    classes = [Path(name).parent.name for name in names]
    targets = np.unique(classes, return_inverse=True)[1]
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(each).view(3, 1, 1) for _, each in NAMED["imagenet"])
    return (scaled - mean) / std, torch.from_numpy(targets)


@pytest.mark.skipif(
    not (REAL / "checkpoints").is_dir(),
    reason="needs checkpoints/ and cifar10_lt100.zip in $IMBALENS_REAL_DATA or ../shared/data",
)
@pytest.mark.parametrize(
    ("name", "file", "right"),
    [("resnet20", "resnet20-12fca82f.th", 912), ("resnet32", "resnet32-d509ac18.th", 924)],
)
def test_as_many_of_every_tenth_image_are_right(images, name, file, right):
    model, path = (
        build_model(CifarResnet(name=name), Ce(name="ce"), 10),
        REAL / "checkpoints" / file,
    )
    load_weights(model, load_checkpoint(path), path=path)
    seen, targets = images
    with torch.no_grad():
        found = torch.cat([model.eval()(batch).argmax(1) for batch in seen.split(250)])
    # one image may lie where processors round it to either side
    assert int((found == targets).sum()) == pytest.approx(right, abs=1)
