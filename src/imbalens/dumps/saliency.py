"""Writing how salient each pixel is for a trained network."""

from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from imbalens.attribution.saliency import input_gradient_saliency, saliency_ranks
from imbalens.dumps.files import MAX_PIXELS, SALIENCY, SALIENCY_VERSION
from imbalens.dumps.trained import Trained
from imbalens.errors import InputError
from imbalens.store.hdf5 import create
from imbalens.training.batches import plain_batches


def dump_saliency(
    trained: Trained,
    path: Path,
    *,
    run: str,
    score: Literal["predicted", "true"],
    batch_size: int,
) -> None:
    """Write the saliency rank of every pixel, batch by batch.

    Ranks keep the exact order, so that any top fraction can be asked for later.

    Args:
        trained: Network in evaluation mode, and the images of each split.
        path: HDF5 file to write, see `dumps.files`.
        run: Name of the run.
        score: Which class's score is differentiated.
        batch_size: Images per backward pass; does not change the result beyond rounding.

    Raises:
        InputError: if an image has more pixels than a 16-bit rank can number.
    """
    with create(path, SALIENCY, SALIENCY_VERSION) as file:
        file.attrs["run"], file.attrs["score"] = run, score
        file.attrs["splits"] = list(trained.images)
        file.attrs["digest"] = trained.prepared.digest
        for split, images in trained.images.items():
            n, height, width, _ = images.images.shape
            if height * width > MAX_PIXELS:
                raise InputError(
                    f"{path}: images of {height} x {width} have more than {MAX_PIXELS} pixels; "
                    "prepare the dataset with a smaller image_size"
                )
            ranks = file.create_dataset(
                f"{split}/rank", (n, height, width), "uint16", track_times=False
            )
            start = 0
            for batch, labels in tqdm(
                plain_batches(images, batch_size=batch_size),
                desc=f"{run} {split} saliency",
                total=-(-n // batch_size),
                disable=None,
            ):
                saliency = input_gradient_saliency(trained.scores, batch, labels, score=score)
                rows = slice(start, start + len(batch))
                ranks[rows] = saliency_ranks(saliency).cpu().numpy().astype(np.uint16)
                start += len(batch)
