import os
import shutil
from pathlib import Path

import pytest
import torch

from imbalens.models.build import build_model
from imbalens.models.checkpoint import save_weights
from imbalens.params.loading import load_params
from stages import cam_alignment, dump_maps, prepare
from tests.browser import BROWSER
from tests.map_cases import ALL, BCE, HARD, experiment, made_up_performance, write_metrics
from tests.tiny import write_params

# Tests run side by side; so small are their networks that further threads only cost.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)
# stages that tests start keep what they compile, whatever the shell says
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# where these tests run on a pull request, their repositories are not those of it
for name in ("GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)
SLOW = (
    "test_pipeline.py",
    "test_overrides.py",
    "test_stages.py",
    "test_benchmarks.py",
    "test_validation.py",  # takes from the cache what the first has computed by now
)


def pytest_collection_modifyitems(items):
    """The longest files first: what runs last runs alone."""
    items.sort(key=lambda item: (*SLOW, item.path.name).index(item.path.name))


@pytest.fixture(scope="session")
def browser():
    """A browser that reaches no network, for tests marked `needs_browser`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def dvc_cache(tmp_path_factory):
    """A cache of DVC for the tiny projects of all workers that do not ask what was computed."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "dvc_cache"


@pytest.fixture(scope="session")
def maps_folder(tmp_path_factory):
    """Maps of networks with random weights, and their alignment, with and without hard maps."""
    folder = tmp_path_factory.mktemp("maps")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params(folder, experiment(**HARD))
        params = load_params()
        for name in params.datasets:
            prepare.main([name])
        for place, (name, run) in enumerate(params.runs.items()):
            torch.manual_seed(100 + place)
            n_classes = 14 if name == BCE else 10
            model = build_model(run.model, run.loss, n_classes)
            save_weights(model, Path(f"data/models/{name}.pt"), metadata={})
            dump_maps.main([name])
            with pytest.MonkeyPatch.context() as quick:
                quick.setattr("imbalens.reports.cam_alignment.figures.save", lambda *_: None)
                cam_alignment.main([name])
        shutil.copytree("metrics/cam_alignment", "hard")
        write_params(folder, experiment())
        for name in ALL:
            cam_alignment.main([name])
        for name in ALL:
            write_metrics("performance", name, made_up_performance(name))
            concepts = {"disjoint": 12.5, "unique": None, "dead_channels": 3}
            write_metrics("concepts", name, concepts)
    return folder


@pytest.fixture
def maps_workspace(maps_folder, tmp_path, monkeypatch):
    """A copy of all that was made, as current folder."""
    shutil.copytree(maps_folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
