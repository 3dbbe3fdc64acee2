"""ResNet-50 at 224 pixels, of which a batch of 256 does not fit under a real limit of memory."""

import re
import subprocess
import sys

import h5py
import numpy as np
import pytest

from imbalens.dumps.files import read_saliency_ranks

SEEN, RANKED = 32, 5  # images
# Bytes left to take: more than one image needs, about 12 MiB forwards, and 83 MiB with a backward
# pass; less than all do.
LEFT = 320 * 2**20
DUMPS = f"""
import resource, sys
from pathlib import Path

import numpy as np
import psutil
import torch
from imbalens.dumps.features import dump_features
from imbalens.dumps.maps import dump_maps
from imbalens.dumps.saliency import dump_saliency
from imbalens.dumps.trained import Trained
from imbalens.models.build import build_model
from imbalens.params.runs import Ce, Resnet50
from imbalens.store.prepared import Prepared
from imbalens.training import batches

def trained(n):
    pixels = torch.randint(0, 256, (n, 224, 224, 3), dtype=torch.uint8)
    images = batches.ImageTensors(
        pixels, torch.arange(n) % 2, torch.full((3,), 0.5), torch.full((3,), 0.25)
    )
    index = {{"train": np.arange(n)}}
    return Trained(model, 1.0, torch.zeros(2), prepared, {{"train": images}}, index)

torch.manual_seed(0)
counts, colours = np.array([16, 16]), np.full(3, 0.5)
prepared = Prepared(
    ("a", "b"), "multiclass", colours, colours, counts, {SEEN}, counts, ("train",), "planted", "0"
)
model = build_model(Resnet50(name="resnet50", weights="none"), Ce(name="ce"), 2)
model.to(memory_format=torch.channels_last).eval()
seen, ranked = trained({SEEN}), trained({RANKED})
boxes = np.column_stack([np.arange({SEEN})] * 2 + [np.full({SEEN}, 9)] * 4)
boxes[:, 1] %= 2
if sys.argv[1] == "tried":
    from imbalens.training import fitting
    fitting.SHARE = 1e9
left = psutil.Process().memory_info().vms + {LEFT}
resource.setrlimit(resource.RLIMIT_AS, (left, resource.RLIM_INFINITY))
if "features" in sys.argv:
    dump_features(seen, Path("features.h5"), run="big", loss="ce", batch_size=256)
    more = {{"run": "big", "split": "train", "layer": None, "batch_size": 256}}
    dump_maps(seen, None, boxes, Path("maps.h5"), **more)
if "saliency" in sys.argv:
    dump_saliency(ranked, Path("saliency.h5"), run="big", score="predicted", batch_size=256)
"""


def run(folder, how, what):
    """Write dumps in a process of its own; return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", DUMPS, how, what],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", ["estimated", "tried"])
def test_dumps_finish_in_smaller_batches_and_say_so(tmp_path, how):
    pytest.importorskip("resource", reason="limits of addresses are of Unix")
    # what allocators keep counts as taken: each finds the memory that was left to it
    said = "".join(run(tmp_path, how, what) for what in ("features", "saliency"))
    reason = {"estimated": "GiB would be taken, .* is free", "tried": "out of memory"}[how]
    for what, n in (("features", SEEN), ("maps", SEEN), ("saliency", RANKED)):
        found = re.findall(
            rf"^big train {what}: batches of (\d+) images? instead of 256: .*{reason}$",
            said,
            re.MULTILINE,
        )
        assert len(found) == 1, said[-2000:]
        assert int(found[0]) < n
    with h5py.File(tmp_path / "features.h5") as dump:
        features = dump["train/features"][:]
        assert features.shape == (SEEN, 2048)
        assert len(np.unique(features, axis=0)) == SEEN
    with h5py.File(tmp_path / "maps.h5") as dump:
        np.testing.assert_allclose(dump["maps"][:].mean((2, 3)), features, rtol=1e-3, atol=1e-4)
    for ranks in read_saliency_ranks(tmp_path / "saliency.h5", "train").reshape(RANKED, -1):
        assert np.array_equal(np.sort(ranks), np.arange(224 * 224))
