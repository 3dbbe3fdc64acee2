import copy
import json
import signal
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from imbalens.errors import InputError
from imbalens.training.resuming import TrainingState, load_state, restore, save_state, work_folder
from tests.full_disk import file_size_limit

OPTIMIZERS = {
    "sgd": lambda model: torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, fused=True),
    "adam": lambda model: torch.optim.Adam(model.parameters(), lr=1e-3, fused=True),
}
HISTORY = [
    {"epoch": 0, "learning_rate": 0.1, "loss": 1 / 3, "accuracy": 0.1 + 0.2},
    {"epoch": 1, "learning_rate": 1e-300, "loss": 2.5, "accuracy": 1.0},
]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))


def step(model, optimizer, n=1):
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        optimizer.zero_grad()
        model(torch.rand(3, 1, 4, 4, generator=generator)).square().sum().backward()
        optimizer.step()


def assert_same(first, second):
    """Equal in every key, type and bit."""
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        assert first.dtype == second.dtype
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, list | tuple):
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert first == second


def make_state(kind="adam", *, epoch=2, best=None) -> TrainingState:
    model = network()
    optimizer = OPTIMIZERS[kind](model)
    step(model, optimizer, epoch)
    return TrainingState(
        epoch, dict(model.state_dict()), optimizer.state_dict(), HISTORY[:epoch], best
    )


@pytest.mark.parametrize("best", [None, {"weight": torch.tensor([1 / 3])}], ids=["last", "best"])
@pytest.mark.parametrize("kind", list(OPTIMIZERS))
def test_a_state_is_read_back_exactly(tmp_path, kind, best):
    state = make_state(kind, best=best)
    assert state.optimizer["state"], "the optimiser must have something to remember"
    save_state(tmp_path / "new" / "folder", state)
    found = load_state(tmp_path / "new" / "folder")
    assert found is not None
    assert_same(vars(found), vars(state))


@pytest.mark.parametrize("kind", list(OPTIMIZERS))
def test_training_goes_on_from_a_state_as_without_a_stop(tmp_path, kind):
    model = network()
    optimizer = OPTIMIZERS[kind](model)
    step(model, optimizer, 2)
    save_state(tmp_path, TrainingState(2, model.state_dict(), optimizer.state_dict(), []))
    step(model, optimizer)

    state = load_state(tmp_path)
    resumed = network()
    resumed_optimizer = OPTIMIZERS[kind](resumed)
    resumed.load_state_dict(state.model)
    resumed_optimizer.load_state_dict(state.optimizer)
    step(resumed, resumed_optimizer)
    assert_same(dict(resumed.state_dict()), dict(model.state_dict()))


def test_a_later_state_replaces_the_earlier(tmp_path):
    for epoch in (1, 2):
        save_state(tmp_path, make_state(epoch=epoch))
    assert_same(vars(load_state(tmp_path)), vars(make_state(epoch=2)))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("folder", [".", "absent"])
def test_where_there_is_no_state_there_is_none(tmp_path, folder):
    assert load_state(tmp_path / folder) is None


KILLED = """
import os, signal, sys
from pathlib import Path
from imbalens.store import files

def killed(path):
    os.truncate(path, 10)
    os.kill(os.getpid(), signal.SIGKILL)

files._flush = killed
files.write_bytes(Path(sys.argv[1]), bytes(100))
"""


def test_a_kill_while_writing_leaves_the_old_state(tmp_path):
    save_state(tmp_path, make_state(epoch=1))
    for _ in range(2):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "state.pt")]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert_same(vars(load_state(tmp_path)), vars(make_state(epoch=1)))
    (left,) = [path for path in tmp_path.iterdir() if path.name != "state.pt"]
    assert left.stat().st_size == 10, "the second killed process deleted what the first left"
    save_state(tmp_path, make_state(epoch=2))
    assert_same(vars(load_state(tmp_path)), vars(make_state(epoch=2)))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("kept", [0, 1, 1000, -1])
def test_a_state_that_cannot_be_read_is_named_and_set_aside(tmp_path, capsys, kept):
    save_state(tmp_path, make_state())
    content = (tmp_path / "state.pt").read_bytes()[:kept]
    (tmp_path / "state.pt").write_bytes(content)
    assert load_state(tmp_path) is None
    said = capsys.readouterr().err
    assert f"{tmp_path / 'state.pt'}: cannot be read" in said
    assert "training starts over" in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "unreadable-state.pt": content
    }
    assert load_state(tmp_path) is None
    assert not capsys.readouterr().err, "it is set aside once"


@pytest.mark.parametrize("content", [[1], {"epoch": 1}, {"another": 1}], ids=str)
def test_what_is_no_state_is_set_aside_as_well(tmp_path, content):
    torch.save(content, tmp_path / "state.pt")
    assert load_state(tmp_path) is None
    assert not (tmp_path / "state.pt").exists()


def test_a_state_with_a_bit_turned_over_is_set_aside(tmp_path):
    """torch would take it."""
    save_state(tmp_path, make_state())
    content = bytearray((tmp_path / "state.pt").read_bytes())
    weight = make_state().model["0.weight"].numpy().tobytes()
    content[content.index(weight) + 5] ^= 1
    (tmp_path / "state.pt").write_bytes(content)
    assert load_state(tmp_path) is None


UNFIT = {"model": {}, "optimizer": {}, "history": [], "best": None}


@pytest.mark.parametrize("changed", ["model", "optimizer"])
def test_a_state_that_does_not_fit_is_set_aside_and_leaves_all_as_it_was(
    tmp_path, capsys, changed
):
    save_state(tmp_path, TrainingState(**vars(make_state()) | {changed: UNFIT[changed]}))
    model = network()
    optimizer = OPTIMIZERS["adam"](model)
    step(model, optimizer)
    before = copy.deepcopy((dict(model.state_dict()), optimizer.state_dict()))
    assert restore(tmp_path, model, optimizer) is None
    assert_same((dict(model.state_dict()), optimizer.state_dict()), before)
    assert "state.pt: does not fit" in capsys.readouterr().err
    assert restore(tmp_path, model, optimizer) is None


@pytest.mark.parametrize("limit", [0, 500, 3000])
def test_a_full_disk_is_one_error_and_keeps_the_old_state(tmp_path, limit):
    save_state(tmp_path, make_state(epoch=1))
    with (
        pytest.raises(InputError, match=r"state\.pt: cannot be written .*free some space"),
        file_size_limit(limit),
    ):
        save_state(tmp_path, make_state(epoch=2))
    assert_same(vars(load_state(tmp_path)), vars(make_state(epoch=1)))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_work_folder_tells_configurations_apart(tmp_path):
    config = [{"lr": 0.1, "loss": {"name": "ce"}}, "digest"]
    others = [
        [{"lr": 0.2, "loss": {"name": "ce"}}, "digest"],
        [{"lr": 0.1, "loss": {"name": "ldam"}}, "digest"],
        [{"lr": 0.1, "loss": {"name": "ce"}}, "other digest"],
        [{"lr": 0.1, "loss": {"name": "ce"}}],
        ["digest", {"lr": 0.1, "loss": {"name": "ce"}}],
    ]
    folders = {work_folder(tmp_path, "run", each) for each in [config, *others]}
    folders.add(work_folder(tmp_path, "other", config))
    assert len(folders) == 7
    assert {folder.parent for folder in folders} == {tmp_path}


def test_work_folder_is_the_same_for_the_same_configuration(tmp_path):
    config = [{"lr": 0.1, "epochs": 3, "drw": None}]
    reordered = [{"drw": None, "epochs": 3, "lr": 0.1}]
    folder = work_folder(tmp_path, "run", config)
    assert work_folder(tmp_path, "run", json.loads(json.dumps(config))) == folder
    assert work_folder(tmp_path, "run", reordered) == folder
    assert folder.name.startswith("run-")
    assert not folder.exists()


def test_work_folder_changes_with_the_program(tmp_path, monkeypatch):
    module = ModuleType("imbalens.extra")
    module.__file__ = None
    monkeypatch.setitem(sys.modules, "imbalens.extra", module)
    folders = [work_folder(tmp_path, "run", [])]
    source = tmp_path / "extra.py"
    module.__file__ = str(source)
    for text in ("LR = 1\n", "LR = 2\n"):
        source.write_text(text, encoding="utf-8")
        folders.append(work_folder(tmp_path, "run", []))
    monkeypatch.setattr(torch, "__version__", "0.0.0")
    folders.append(work_folder(tmp_path, "run", []))
    assert len(set(folders)) == 4
