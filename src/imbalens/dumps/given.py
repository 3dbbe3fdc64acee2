"""Writing what somebody else's network computed, as a dump like any other."""

from pathlib import Path

import numpy as np
import torch

from imbalens.dumps.about import describe, write_targets
from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.errors import InputError
from imbalens.losses.build import logit_offset, logit_scale
from imbalens.models.build import head_of
from imbalens.models.checkpoint import load_checkpoint
from imbalens.params.runs import LogitAdjustment, Run
from imbalens.store.hdf5 import create
from imbalens.store.prepared import open_prepared, read_metadata, read_targets


def dump_given(name: str, run: Run, path: Path) -> None:
    """Write the features and logits that a run was given, as far as there are any.

    What its loss says of logits holds for them: those of LDAM are cosines, to be scaled.

    Args:
        name: Name of the run.
        run: Its parameters.
        path: HDF5 file to write, see `dumps.files`.

    Raises:
        InputError: if a file is absent or damaged, or logits are to be adjusted by the counts of
            training images that there are not.
    """
    data, weights = Path(f"data/prepared/{run.dataset}.h5"), Path(f"data/models/{name}.pt")
    prepared = read_metadata(data)
    if not weights.exists():
        raise InputError(f"{weights} is missing; run: dvc repro train@{weights.stem}")
    tensors = load_checkpoint(weights)
    if prepared.n_train:
        offset = logit_offset(run.loss, torch.as_tensor(prepared.counts)).numpy()
    elif isinstance(run.loss, LogitAdjustment) and run.loss.post_hoc:
        raise InputError(
            f"methods.{run.method}.loss.post_hoc: found true, but dataset {run.dataset!r} has no "
            "training images to count; allowed: false, for logits that are adjusted already"
        )
    else:
        offset = np.zeros(len(prepared.class_names), np.float32)
    with create(path, FEATURES, FEATURES_VERSION) as file, open_prepared(data) as images:
        file.attrs["run"], file.attrs["loss"], file.attrs["head"] = (
            name,
            run.loss.name,
            head_of(run.loss),
        )
        describe(file, prepared, splits=prepared.splits, scale=logit_scale(run.loss))
        file.create_dataset("head/offset", data=offset, track_times=False)
        for each, tensor in tensors.items():
            file.create_dataset(each, data=tensor.numpy(), track_times=False)
        for split in prepared.splits:
            write_targets(file, split, read_targets(images, split), images[f"{split}/index"][:])
