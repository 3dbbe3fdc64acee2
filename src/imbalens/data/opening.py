"""From a dataset's parameters to the source of its images."""

from typing import TypedDict, assert_never

from imbalens.data.arrays import open_arrays
from imbalens.data.cifar import open_cifar
from imbalens.data.evaluate_on import evaluate_on
from imbalens.data.features import open_features
from imbalens.data.folder import open_folder
from imbalens.data.inaturalist import open_inaturalist
from imbalens.data.lists import open_lists
from imbalens.data.nih import open_nih
from imbalens.data.phantom import open_phantom
from imbalens.data.places365 import open_places365
from imbalens.data.planted import open_planted
from imbalens.data.source import Source
from imbalens.data.table import open_table
from imbalens.params.datasets import Dataset, Resize
from imbalens.params.sources import (
    Arrays,
    Cifar,
    Features,
    Folder,
    Inaturalist,
    Lists,
    Nih,
    PhantomCxr,
    Places365,
    Planted,
    Table,
)


class _Making(TypedDict):
    """How image files become squares of 8 bits, see `Decoding`."""

    resize: Resize
    bits: int | None


def open_source(dataset: Dataset) -> Source:
    """Open the source that the parameters name, with the test images of another if they name one.

    Raises:
        InputError: if one is absent or not as it must be, or the two do not go together.
    """
    source = _open_one(dataset)
    if dataset.evaluate_on is None:
        return source
    none_aside = dataset.validation.model_copy(update={"share": 0.0})
    other = {"source": dataset.evaluate_on, "evaluate_on": None, "validation": none_aside}
    opened = _open_one(dataset.model_copy(update=other))
    return evaluate_on(source, opened, name=dataset.evaluate_on.name)


def _open_one(dataset: Dataset) -> Source:
    size = dataset.image_size or 0  # which is null of features alone, see params.dataset_checks
    making = _Making(resize=dataset.resize, bits=dataset.bits)
    own = dataset.validation.share is None  # what the source itself sets aside is validated on
    match dataset.source:
        case Planted():
            return open_planted(dataset.source, size)
        case Folder():
            return open_folder(dataset.source, size, **making, validation=own)
        case Arrays():
            return open_arrays(dataset.source, size, resize=dataset.resize)
        case Lists():
            return open_lists(dataset.source, size, **making, validation=own)
        case Table():
            return open_table(dataset.source, size, **making, validation=own)
        case Features():
            return open_features(dataset.source, dataset.image_size, **making, validation=own)
        case Places365():
            return open_places365(dataset.source, size, **making)
        case Inaturalist():
            return open_inaturalist(dataset.source, size, **making)
        case Cifar():
            return open_cifar(dataset.source, size)
        case Nih():
            return open_nih(dataset.source, size, bits=dataset.bits)
        case PhantomCxr():
            return open_phantom(dataset.source, size)
        case _:
            assert_never(dataset.source)
