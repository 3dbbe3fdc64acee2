import pytest

from imbalens.params.datasets import Dataset
from imbalens.params.loading import complete
from imbalens.params.sources import Planted


@pytest.fixture(autouse=True)
def work_folder(tmp_path, monkeypatch):
    """Sources of files keep their work in the current folder: not in the project's."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_dataset():
    """Build a dataset's parameters from a source and whatever differs from a plain one."""

    def make(source=None, **changes):
        planted = {"name": "planted", "train_per_class": 20, "test_per_class": 3, "seed": 0}
        plain = {
            "image_size": 8,
            "imbalance": {
                "kind": "natural",
                "n_max": None,
                "selection": {"name": "seeded", "seed": 0},
            },
            **changes,
        }
        filled = complete("datasets", {"source": {}, **plain})
        given = source or Planted(**planted, mislabelled=0.1, subconcept=0.1)
        return Dataset.model_validate(filled | {"source": given})

    return make
