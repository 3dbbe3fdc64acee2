"""From a source to one prepared file: imbalance, validation part, one stream of images."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int, UInt8
from tqdm import tqdm

from imbalens.data.channels import ChannelMoments, channel_normalization, report_dark
from imbalens.data.choosing import choose_images
from imbalens.data.duplicates import SplitHashes, count_duplicates, hash_images
from imbalens.data.opening import open_source
from imbalens.data.source import Source, SourceSplit, count_positives
from imbalens.errors import InputError
from imbalens.params.datasets import Dataset
from imbalens.params.given import GivenFile
from imbalens.store.hdf5 import create
from imbalens.store.prepared import PREPARED, PREPARED_VERSION

BATCH = 256  # images in memory at a time
BATCH_PIXELS = 2**24  # at most, of larger images


def prepare(dataset: Dataset, path: Path) -> dict[str, Any]:
    """Write a dataset's prepared file.

    Args:
        dataset: The dataset's parameters.
        path: Prepared file to write, see `data.prepared`.

    Returns:
        What was prepared: counts, largest value of a training pixel, images in two splits,
        imbalance ratio, digest, and what was planted.

    Raises:
        InputError: if the source is not as it must be or the file cannot be written.
    """
    source = open_source(dataset)
    splits = choose_images(source, dataset)
    expected = dataset.expected_digest
    counts = {
        split: count_positives(images.labels[positions], len(source.class_names))
        for split, (images, positions) in splits.items()
    }
    negatives = {
        split: (images.targets[positions] == 0).sum(axis=0)
        for split, (images, positions) in splits.items()
        if source.task != "multiclass"
    }
    boxed = any(images.boxes for images, _ in splits.values())
    with create(path, PREPARED, PREPARED_VERSION) as file:
        sha = hashlib.sha256()
        channels = ChannelMoments(source.channels)
        about: dict[str, dict[str, Any]] = {}
        hashes: dict[str, SplitHashes] = {}
        size = dataset.image_size if source.has_images else None
        batches = iter(()) if size is None else _read_batches([*splits.values()], size)
        for split, (images, positions) in splits.items():
            arrays = _describe(split, images, positions)
            _write_arrays(file, arrays)
            about[split] = _summarize(split, images, positions, arrays, boxed=boxed)
            sha.update(_digested(split, arrays))
            targets, names = images.targets[positions], _names(images.names, positions)
            hashes[split] = SplitHashes(bytearray(), targets, names)
            if size is None:
                continue
            shape = (len(positions), size, size, source.channels)
            for batch in _write_images(file, split, batches, shape):
                sha.update(np.ascontiguousarray(batch).data)
                hashes[split].hashes.extend(hash_images(batch))
                if split == "train":
                    channels.add(batch)
        for name, array in _describe_head(source).items():
            file.create_dataset(name, data=array, track_times=False)
            sha.update(array.tobytes())
        digest = sha.hexdigest()
        if expected and expected[1] != digest:
            raise InputError(
                f"{source.place}: found images of digest {digest}, {expected[0]} is "
                f"{expected[1]}; the files, image_size, resize, bits, imbalance or validation "
                "changed: bring back what was meant, or set digest to what was found"
            )
        mean = std = np.empty(0)
        normalized = source.has_images and "train" in splits
        if normalized:
            report_dark(channels, source.place)
            mean, std = channel_normalization(dataset.normalization, channels, source.place)
        attributes = {
            "class_names": list(source.class_names),
            "task": source.task,
            "mean": mean,
            "std": std,
            "source": dataset.source.name,
            "counts": counts.get("train", np.zeros(len(source.class_names), dtype=np.int64)),
            "n_train": len(splits["train"][1]) if "train" in splits else 0,
            "splits": list(splits),
            "digest": digest,
        }
        if source.given is not None:
            form = source.given.model_dump_json(include={*GivenFile.model_fields})
            attributes |= {"given": form, "named": source.named}
        for name, value in attributes.items():
            file.attrs[name] = value
    source.finish()
    images = {split: len(positions) for split, (_, positions) in splits.items()}
    for split, n in negatives.items():
        about[split]["negatives"] = dict(zip(source.class_names, n.tolist(), strict=True))
        unknown = images[split] - counts[split] - n
        if unknown.any():
            about[split]["unknown_labels"] = dict(
                zip(source.class_names, unknown.tolist(), strict=True)
            )
    return {
        "classes": len(source.class_names),
        "image_size": dataset.image_size,
        "digest": digest,
        "largest_value": channels.largest if normalized else None,
        "images": images,
        "counts": {
            split: dict(zip(source.class_names, n.tolist(), strict=True))
            for split, n in counts.items()
        },
        "duplicates": count_duplicates(hashes, source.place) if source.has_images else {},
        "imbalance_ratio": _imbalance_ratio(source, counts, negatives),
        **source.facts,
        **{
            fact: {split: facts[fact] for split, facts in about.items() if fact in facts}
            for fact in dict.fromkeys(fact for facts in about.values() for fact in facts)
        },
    }


def _names(names: Sequence[str], positions: Int[np.ndarray, " k"]) -> list[str]:
    rows: list[int] = positions.tolist()
    return [names[row] for row in rows]


def _describe(
    split: str, images: SourceSplit, positions: Int[np.ndarray, " k"]
) -> dict[str, np.ndarray | Sequence[str]]:
    """Return all that is stored of a split but its images, by name in the file."""
    arrays: dict[str, np.ndarray | Sequence[str]] = {
        f"{split}/labels": images.labels[positions],
        f"{split}/index": positions,
        f"{split}/names": _names(images.names, positions),
    }
    unknown = None if images.unknown is None else images.unknown[positions]
    if unknown is not None and unknown.any():
        arrays[f"{split}/unknown"] = unknown
    for name, given in (("features", images.features), ("logits", images.logits)):
        if given is not None:
            arrays[f"{split}/{name}"] = given[positions]
    if images.boxes:
        arrays[f"{split}/boxes"] = images.boxes(positions)
    if images.patients is not None:
        arrays[f"{split}/patients"] = images.patients[positions]
    if images.views is not None:
        arrays[f"{split}/views"] = _names(images.views, positions)
    if images.truth:
        truth = images.truth(positions)
        arrays |= {
            f"{split}/truth/labels": truth.labels,
            f"{split}/truth/mislabelled": truth.mislabelled,
            f"{split}/truth/subconcept": truth.subconcept,
            "truth/pairs": truth.pairs,
            "truth/colours": truth.colours,
        }
    return arrays


def _describe_head(source: Source) -> dict[str, np.ndarray]:
    """Return what is stored of the layer that makes logits of the source's own features."""
    if source.head is None:
        return {}
    return {"head/weight": source.head.weight, "head/bias": source.head.bias}


def _digested(split: str, arrays: Mapping[str, np.ndarray | Sequence[str]]) -> bytes:
    """Return all that is stored of a split but its images and their order, for the digest."""
    parts = [split.encode()]
    for name, array in sorted(arrays.items()):
        if name != f"{split}/index":
            content = (
                array.tobytes() if isinstance(array, np.ndarray) else "\n".join(array).encode()
            )
            parts += [name.encode(), content]
    return b"\n".join(parts)


def _summarize(
    split: str,
    images: SourceSplit,
    positions: Int[np.ndarray, " k"],
    arrays: Mapping[str, np.ndarray | Sequence[str]],
    *,
    boxed: bool,
) -> dict[str, Any]:
    """Return what `prepare` reports of a split besides its counts."""
    facts: dict[str, Any] = {}
    if boxed and not images.truth:
        facts["boxes"] = len(arrays.get(f"{split}/boxes", ()))
    if images.patients is not None:
        facts["patients"] = len(np.unique(images.patients[positions]))
    if images.views is not None:
        facts["views"] = Counter(_names(images.views, positions))
    if images.truth:
        kinds = ("mislabelled", "subconcept")
        facts["planted"] = {
            kind: int(np.sum(np.asarray(arrays[f"{split}/truth/{kind}"]))) for kind in kinds
        }
    return facts


def _imbalance_ratio(
    source: Source,
    counts: Mapping[str, Int[np.ndarray, " c"]],
    negatives: Mapping[str, Int[np.ndarray, " c"]],
) -> float | dict[str, dict[str, float | None]] | None:
    """Return largest over smallest class; of labels, negatives over positives in each split.

    None of classes without training images.
    """
    if source.task == "multiclass" and "train" not in counts:
        return None
    if source.task == "multiclass":
        return float(counts["train"].max() / counts["train"].min())
    return {
        split: {
            name: without / n if n else None
            for name, n, without in zip(
                source.class_names, each.tolist(), negatives[split].tolist(), strict=True
            )
        }
        for split, each in counts.items()
    }


def _write_arrays(file: h5py.File, arrays: Mapping[str, np.ndarray | Sequence[str]]) -> None:
    for name, array in arrays.items():
        if name not in file:  # what holds for all splits comes with each
            dtype = None if isinstance(array, np.ndarray) else h5py.string_dtype()
            file.create_dataset(name, data=array, dtype=dtype, track_times=False)


def _write_images(
    file: h5py.File,
    split: str,
    batches: Iterator[UInt8[np.ndarray, "k h w c"]],
    shape: tuple[int, int, int, int],
) -> Iterator[UInt8[np.ndarray, "k h w c"]]:
    """Write a split's images batch by batch, yielding each."""
    n, start = shape[0], 0
    stored = file.create_dataset(f"{split}/images", shape, "uint8", track_times=False)
    with tqdm(total=n, desc=f"{split} images", unit="image", disable=None) as progress:
        while start < n:
            batch = next(batches)
            stored[start : start + len(batch)] = batch
            start += len(batch)
            progress.update(len(batch))
            yield batch


def _read_batches(
    splits: Sequence[tuple[SourceSplit, Int[np.ndarray, "..."]]], size: int
) -> Iterator[UInt8[np.ndarray, "... h w c"]]:
    """Yield the images at some positions of each split, while the next batch is read."""
    step = max(1, min(BATCH, BATCH_PIXELS // size**2))
    with ThreadPoolExecutor(1) as pool:
        ahead: Future[UInt8[np.ndarray, "... h w c"]] | None = None
        for images, positions in splits:
            for start in range(0, len(positions), step):
                part = positions[start : start + step]
                ready, ahead = ahead, pool.submit(images.read, part)
                if ready:
                    yield ready.result()
        if ahead:
            yield ahead.result()
