"""Stages called in an empty folder: resuming after a kill, and bad inputs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from imbalens.errors import InputError
from imbalens.models.build import build_model
from imbalens.models.checkpoint import save_weights
from imbalens.params.runs import Ce, CifarResnet, Ldam
from stages import (
    adversaries,
    archetypes,
    dump_features,
    dump_saliency,
    false_positives,
    feature_overlap,
    focus,
    performance,
    prepare,
    saliency_colours,
    train,
)
from tests.tiny import ROOT, method_of, read_values, tiny_params, vary, write_params

RUN = "planted-ce"
LDAM = Ldam(name="ldam", max_margin=0.5, scale=30.0)
ANALYSES = (archetypes, adversaries, feature_overlap, saliency_colours)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    write_params(folder, tiny_params())
    before = Path.cwd()
    os.chdir(folder)
    prepare.main(["planted"])
    os.chdir(before)
    return folder / "data" / "prepared" / "planted.h5"


@pytest.fixture
def workspace(tmp_path, monkeypatch, prepared):
    """An empty folder with tiny parameters and the prepared dataset, as current folder."""
    write_params(tmp_path, tiny_params())
    target = tmp_path / "data" / "prepared" / "planted.h5"
    target.parent.mkdir(parents=True)
    target.write_bytes(prepared.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(edit):
    values = read_values(Path())
    edit(values)
    write_params(Path(), values)


def files_under(folder: Path) -> set[str]:
    return {path.as_posix() for path in folder.rglob("*") if path.is_file()}


def start_training(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "stages" / "train.py"), RUN],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_kill_9_then_the_same_command_gives_the_same_weights(workspace, tmp_path_factory):
    change(lambda values: values["recipes"]["quick"].update(epochs=8))
    whole = tmp_path_factory.mktemp("whole")
    write_params(whole, read_values(Path()))
    (whole / "data").symlink_to(workspace / "data")  # the killed run writes no weights there
    killed = start_training(workspace)
    deadline = time.monotonic() + 120
    while not list(Path("work").glob("*/state.pt")) and time.monotonic() < deadline:
        assert killed.poll() is None, "training ended before it could be killed"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    weights = Path(f"data/models/{RUN}.pt")
    assert not weights.exists()
    (state,) = Path("work").glob("*/state.pt")
    assert 1 <= torch.load(state, weights_only=True)["epoch"] < 8

    again = start_training(workspace)
    output, _ = again.communicate()
    assert again.returncode == 0
    assert f"{RUN}: goes on after epoch" in output
    assert f"{RUN}: epoch 1/8" not in output
    resumed, history = weights.read_bytes(), Path(f"plots/train/{RUN}.csv").read_text()
    assert not list(Path("work").glob(f"{RUN}-*")), "the state is deleted on success"
    weights.unlink()
    start_training(whole).communicate()
    assert weights.read_bytes() == resumed
    assert (whole / "plots" / "train" / f"{RUN}.csv").read_text() == history


@pytest.mark.parametrize("path", ["public.pth", "$MY_WEIGHTS/public.pth", "~/public.pth"])
def test_a_checkpoint_takes_the_place_of_training(workspace, monkeypatch, capsys, path):
    monkeypatch.setenv("MY_WEIGHTS", str(workspace))
    monkeypatch.setenv("HOME", str(workspace))
    torch.manual_seed(1)
    model = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 10)
    torch.save(
        {"state_dict": {f"module.{key}": value for key, value in model.state_dict().items()}},
        "public.pth",
    )
    change(lambda values: method_of(values, RUN).update(checkpoint=path))
    capsys.readouterr()
    train.main([RUN])
    assert capsys.readouterr().err.startswith("notice: methods.")  # not the means of its training
    dump_features.main([RUN])
    with h5py.File(f"data/dumps/features/{RUN}.h5") as file:
        np.testing.assert_array_equal(
            file["head/weight"][:], model.state_dict()["linear.weight"].numpy()
        )
    assert Path(f"plots/train/{RUN}.csv").read_text().count("\n") == 1
    metrics = json.loads(Path(f"metrics/train/{RUN}.json").read_text())
    assert metrics.pop("checkpoint") == path
    assert [key for key, value in metrics.items() if value is not None] == ["epochs"]


def test_other_test_images_change_the_weights_file_that_dumps_depend_on(workspace):
    change(lambda values: method_of(values, RUN).update(checkpoint="public.pth"))
    model = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 10)
    torch.save(model.state_dict(), "public.pth")
    files = []
    for per_class in (6, 7):
        source = {"test_per_class": per_class}
        change(lambda values, more=source: values["datasets"]["planted"]["source"].update(more))
        prepare.main(["planted"])
        train.main([RUN])
        files.append((workspace / "data" / "models" / f"{RUN}.pt").read_bytes())
    assert files[0] != files[1]
    train.main([RUN])
    assert (workspace / "data" / "models" / f"{RUN}.pt").read_bytes() == files[1]


@pytest.mark.usefixtures("workspace")
def test_what_the_logits_mean_is_told_to_dumps_by_the_weights_file():
    """A stage over a list of runs can name neither their dataset nor their method."""
    model = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 10)
    torch.save(model.state_dict(), "public.pth")
    files = []
    for tau in (1.0, 2.0, 2.0):
        loss = {"name": "logit_adjustment", "tau": tau, "post_hoc": True}
        change(lambda values, loss=loss: method_of(values, RUN).update(loss=loss))
        change(lambda values: method_of(values, RUN).update(checkpoint="public.pth"))
        train.main([RUN])
        files.append(Path(f"data/models/{RUN}.pt").read_bytes())
    assert files[0] != files[1]
    assert files[1] == files[2]


def test_a_checkpoint_of_another_width_lists_what_does_not_fit(workspace):
    model = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 7)
    save_weights(model, Path("other.pt"), metadata={})
    change(lambda values: method_of(values, RUN).update(checkpoint="other.pt"))
    before = files_under(workspace)
    with pytest.raises(InputError, match=r"other\.pt(?s:.*)linear\.weight"):
        train.main([RUN])
    assert files_under(workspace) == before


@pytest.mark.usefixtures("workspace")
def test_a_checkpoint_whose_cosines_are_all_0_is_refused():
    """Its features are longer than any number: all images would be of the first class."""
    ldam = "planted-ldam_drw"
    model = build_model(CifarResnet(name="resnet8"), LDAM, 10)
    with torch.no_grad():
        model.layer3[0].bn2.weight.fill_(1e30)
    torch.save(model.state_dict(), "wild.pt")
    change(lambda values: method_of(values, ldam).update(checkpoint="wild.pt"))
    with pytest.raises(InputError, match=r"wild\.pt: the network's outputs are not finite"):
        train.main([ldam])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda state: state["linear.bias"].fill_(torch.nan), r"linear\.bias has 10 of 10 values"),
        (
            lambda state: state["linear.weight"].fill_(3e38),
            r"the network's outputs are not finite",
        ),
        (lambda state: state["bn1.weight"].fill_(3e38), r"the network's outputs are not finite"),
    ],
)
def test_a_checkpoint_that_gives_no_numbers_is_refused(workspace, edit, message):
    model = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 10)
    state = model.state_dict()
    with torch.no_grad():
        edit(state)
    torch.save(state, "wild.pt")
    change(lambda values: method_of(values, RUN).update(checkpoint="wild.pt"))
    before = files_under(workspace)
    with pytest.raises(InputError, match=rf"wild\.pt: {message}.*; get "):
        train.main([RUN])
    assert files_under(workspace) == before


@pytest.mark.parametrize(
    ("stage", "name", "message"),
    [
        (train, RUN, r"data/prepared/planted\.h5 is missing; run: dvc repro prepare@planted"),
        (dump_features, RUN, r"data/prepared/planted\.h5 is missing; run: dvc repro prepare@"),
        (performance, RUN, rf"data/dumps/features/{RUN}\.h5 is missing; run: dvc repro dump_feat"),
        (archetypes, "x", "runs: found 'x'; allowed: planted-ce, planted-ldam_drw"),
        (prepare, "x", "datasets: found 'x'; allowed: planted"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_missing_input_says_what_to_run(tmp_path, monkeypatch, stage, name, message):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, tiny_params())
    with pytest.raises(InputError, match=message):
        stage.main([name])
    written = {(tmp_path / name).as_posix() for name in ("params.yaml", "analyses.yaml")}
    assert files_under(tmp_path) == written


@pytest.mark.usefixtures("workspace")
def test_missing_weights_say_what_to_run():
    with pytest.raises(InputError, match=rf"data/models/{RUN}\.pt"):
        dump_saliency.main([RUN])


@pytest.mark.usefixtures("workspace")
def test_focus_says_which_table_is_missing():
    with pytest.raises(
        InputError, match=r"plots/summary\.csv is missing; run: dvc repro summary$"
    ):
        focus.main([])


def test_truncated_data_is_named_and_nothing_is_written(workspace):
    path = Path("data/prepared/planted.h5")
    path.write_bytes(path.read_bytes()[:5000])
    before = files_under(workspace)
    with pytest.raises(
        InputError, match=r"planted\.h5 is damaged.*run: dvc repro prepare@planted"
    ):
        train.main([RUN])
    assert files_under(workspace) == before


@pytest.mark.usefixtures("workspace")
def test_an_unwritable_output_is_one_error_and_keeps_the_trained_state():
    Path("data/models").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=rf"data/models/{RUN}\.pt: cannot be written"):
        train.main([RUN])
    assert list(Path("work").glob("*/state.pt")), "a trained network is not lost"
    Path("data/models").unlink()
    train.main([RUN])
    assert Path(f"data/models/{RUN}.pt").exists()


@pytest.mark.usefixtures("workspace")
def test_batch_size_changes_dumps_by_rounding_only():
    train.main([RUN])
    found = []
    for size in (7, 64):
        change(lambda values, size=size: values["dumps"].update(batch_size=size))
        dump_features.main([RUN])
        with h5py.File(f"data/dumps/features/{RUN}.h5") as file:
            found.append({split: file[f"{split}/features"][:] for split in ("train", "test")})
    for split in ("train", "test"):
        np.testing.assert_allclose(found[0][split], found[1][split], rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("workspace")
def test_a_training_that_runs_out_of_memory_names_its_batch_size(monkeypatch):
    def forward(_images):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    monkeypatch.setattr("imbalens.training.train.training_forward", lambda *_, **__: forward)
    with pytest.raises(InputError) as caught:
        train.main([RUN])
    assert str(caught.value).startswith(
        f"{RUN}: params.yaml: recipes.quick.batch_size: found 32, for which memory ran out; set a "
        "smaller one, or"
    )
    assert "can't allocate memory" in str(caught.value)
    assert not Path(f"data/models/{RUN}.pt").exists()


@pytest.mark.usefixtures("workspace")
def test_a_training_foretells_that_memory_will_not_do(monkeypatch, capsys):
    train.main([RUN])
    weights = Path(f"data/models/{RUN}.pt")
    before, plain = weights.read_bytes(), capsys.readouterr().err
    assert "recipes.quick.batch_size" not in plain
    monkeypatch.setattr("imbalens.training.fitting.free_memory", lambda: 2**20)
    train.main([RUN])
    assert weights.read_bytes() == before, "the batch stays"
    assert (
        f"{RUN}: params.yaml: recipes.quick.batch_size: batches of 32" in capsys.readouterr().err
    )


@pytest.mark.usefixtures("workspace")
def test_too_many_neighbours_name_the_parameter():
    train.main([RUN])
    dump_features.main([RUN])
    change(lambda values: values["analyses"]["archetypes"].update(n_neighbors=500))
    with pytest.raises(
        InputError, match=r"analyses\.yaml: archetypes\.n_neighbors: found 500; allowed"
    ):
        archetypes.main([RUN])


@pytest.mark.usefixtures("workspace")
def test_the_first_stage_says_which_class_and_neighbours_there_are_not():
    def misspell(values):
        values["false_positives"]["planted"]["reference_class"] = "striped red sqare"
        values["analyses"]["archetypes"]["n_neighbors"] = 500
        values["analyses"]["adversaries"]["n_neighbors"] = 143

    change(misspell)
    with pytest.raises(InputError) as caught:
        prepare.main(["planted"])
    few, misspelt = str(caught.value).split("\n")
    assert few == (
        "analyses.yaml: archetypes.n_neighbors: found 500; allowed: below the 144 training "
        "images of dataset 'planted'"
    )
    assert misspelt.startswith(
        "false_positives.planted.reference_class: found 'striped red sqare'; allowed: blue disc, "
    )
    assert not Path("metrics/prepare/planted.json").exists()


def test_class_names_that_look_like_numbers_or_nothing(tmp_path, monkeypatch):
    """The whole chain on arrays of one's own, with post-hoc logit adjustment."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    images = rng.integers(0, 100, (36, 16, 16, 3), dtype=np.uint8)
    images[np.arange(36), :, :, labels] += 100
    arrays = {f"{split}_images": images for split in ("train", "test")}
    arrays |= {f"{split}_labels": labels for split in ("train", "test")}
    np.savez("mine.npz", class_names=np.array(["007", "NA", "1"]), **arrays)

    values = tiny_params((RUN,))
    selection = {"name": "seeded", "seed": 0}
    values["datasets"]["planted"] |= {
        "source": {"name": "arrays", "path": "mine.npz", "digest": None},
        "image_size": 16,
        "imbalance": {"kind": "natural", "n_max": None, "selection": selection},
    }
    values["dumps"]["maps"]["runs"] = []
    post_hoc = {"name": "logit_adjustment", "tau": 1.0, "post_hoc": True}
    vary(values, "other", RUN, loss=post_hoc)
    values["false_positives"] = {
        "mine": {
            "baseline": RUN,
            "other": "other",
            "reference": "predicted",
            "reference_class": "NA",
        }
    }
    write_params(tmp_path, values)
    prepare.main(["planted"])
    for run in (RUN, "other"):
        for stage in (train, dump_features, dump_saliency, performance, *ANALYSES):
            stage.main([run])
    false_positives.main(["mine"])
    recall = json.loads(Path(f"metrics/performance/{RUN}.json").read_text())["recall"]
    assert set(recall) == {"007", "NA", "1"}
    text = Path("data/instances/archetypes/other.csv").read_text()
    assert text.count(",007,") + text.count(",NA,") + text.count(",1,") >= 36

    for path, stage, name in (
        ("data/instances/archetypes/other.csv", saliency_colours, "other"),
        ("plots/archetypes/other-prototypes.csv", saliency_colours, "other"),
        ("plots/performance/other-confusion.csv", false_positives, "mine"),
    ):
        whole = Path(path).read_text()
        header, *rows = whole.splitlines(keepends=True)
        for cut in (rows[:-1], rows[:1], [], rows[1:]):
            Path(path).write_text("".join([header, *cut]))
            with pytest.raises(InputError, match=rf"^{path}: .*; run: dvc repro \w+@other$"):
                stage.main([name])
        Path(path).write_text(whole)


def test_an_error_ends_a_script_with_one_message_and_status_1(tmp_path):
    write_params(tmp_path, tiny_params())
    result = subprocess.run(
        [sys.executable, str(ROOT / "stages" / "focus.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: plots/summary.csv is missing")
    assert "Traceback" not in result.stderr
