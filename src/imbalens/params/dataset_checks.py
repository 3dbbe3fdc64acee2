"""What is wrong with a dataset although each of its parts is right."""

from collections.abc import Iterator, Mapping

from imbalens.params.datasets import Dataset
from imbalens.params.errors import listed, shown
from imbalens.params.sources import AnySource, Features, Inaturalist, Table, sources
from imbalens.params.tables import TableArray


def find_dataset_problems(datasets: Mapping[str, Dataset]) -> list[str]:
    """Return what does not fit together in datasets, each with its key and what is allowed."""
    return [
        f"datasets.{name}.{problem}"
        for name, dataset in datasets.items()
        for check in (_check_inaturalist, _check_images, _check_evaluate_on, _check_features)
        for problem in check(dataset)
    ]


def _check_inaturalist(dataset: Dataset) -> Iterator[str]:
    """Ranks of a taxonomy, and boxes, that were not published."""
    for key, source in dataset.sources.items():
        if (
            isinstance(source, Inaturalist)
            and source.version == 2017
            and source.level not in ("super", "full")
        ):
            yield f"{key}.level: found {source.level!r}; allowed for 2017: 'super', 'full'"
        if isinstance(source, Inaturalist) and source.version != 2017 and source.boxes:
            yield f"{key}.boxes: found true; allowed for {source.version}: false"


def _check_images(dataset: Dataset) -> Iterator[str]:
    """Settings of images that do nothing where images are squares, or have 8 bits, already."""
    given = dataset.sources.values()
    for key, found, usual, allowed, taken in (
        ("resize", dataset.resize, "squash", "squash", any(each.takes_resize for each in given)),
        ("bits", dataset.bits, None, "null", any(map(_takes_bits, given))),
    ):
        if found != usual and not taken:
            names = " and ".join(dict.fromkeys(map(_describe, given)))
            yield f"{key}: found {shown(found)}; allowed for source {names}: {allowed}"


def _takes_bits(source: AnySource) -> bool:
    return source.takes_bits and not _is_array(source)


def _is_array(source: AnySource) -> bool:
    """Tell whether images by a table are those of an array, which have 8 bits."""
    return isinstance(source, Table) and isinstance(source.images, TableArray)


def _describe(source: AnySource) -> str:
    return f"{source.name!r}" + (" with images of an array" if _is_array(source) else "")


def _check_evaluate_on(dataset: Dataset) -> Iterator[str]:
    """Another source that does not go with the dataset's own, or is the same."""
    source, other = dataset.source, dataset.evaluate_on
    if other is None:
        return
    if other == source:
        yield "evaluate_on: is the same as source; name another source, or null"
    if (source.generated or other.generated) and other.name != source.name:
        yield (
            f"evaluate_on.name: found {other.name!r}; allowed for source {source.name!r}: "
            f"{listed(_comparable(source))}"
        )
    elif other.several_labels != source.several_labels:
        found, allowed = (
            "several labels" if each.several_labels else "one class" for each in (other, source)
        )
        yield f"evaluate_on: has {found} per image; allowed: {allowed}, as source"
    if source.expected_digest is not None and other.expected_digest is not None:
        yield (
            f"evaluate_on.digest: found {shown(other.expected_digest)}; allowed: null, for "
            "source.digest covers the images of both"
        )


def _check_features(dataset: Dataset) -> Iterator[str]:
    """Sizes of images where there are none, and features of others beside them."""
    source, other = dataset.source, dataset.evaluate_on
    if (dataset.image_size is None) == source.has_images:
        allowed = "8 to 1024" if source.has_images else "null, for source.images is"
        found = "null" if dataset.image_size is None else dataset.image_size
        yield f"image_size: found {found}; allowed: {allowed}"
    if any(isinstance(each, Features) for each in (source, other)) and other is not None:
        yield "evaluate_on: goes with no source of features; allowed: null"


def _comparable(source: AnySource) -> list[str]:
    """Return the sources whose images are generated as those of another, or are not."""
    if source.generated:
        return [source.name]
    return [name for name, kind in sources().items() if not kind.generated]
