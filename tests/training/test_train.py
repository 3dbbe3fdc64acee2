"""Resuming, repeatability and failure of training, on a handful of generated images."""

from pathlib import Path

import pytest
import torch

from imbalens.errors import InputError
from imbalens.losses.build import build_objective
from imbalens.models.build import build_model
from imbalens.params.recipes import Adam, Milestone, Recipe, Sgd, Steps
from imbalens.params.runs import CifarResnet, Ldam
from imbalens.training import train as training
from imbalens.training.batches import ImageTensors
from imbalens.training.resuming import load_state
from imbalens.training.scores import evaluate
from imbalens.training.train import train

LOSS = Ldam(name="ldam", max_margin=0.5, scale=30.0)
EPOCHS = 4


def make_recipe(**changes) -> Recipe:
    values = {
        "optimizer": Sgd(name="sgd", lr=0.05, momentum=0.9, weight_decay=2e-4),
        "schedule": Steps(
            name="steps", warmup_epochs=1, milestones=(Milestone(epoch=3, factor=0.1),)
        ),
        "epochs": EPOCHS,
        "batch_size": 16,
        "augmentation": {"crop_padding": 1, "flip": True, "brightness": 0.0, "contrast": 0.0},
        "precision": "auto",
        "device": "cpu",
        "model_selection": "last",
    }
    return Recipe(**(values | changes))


def make_images(n: int = 40) -> ImageTensors:
    generator = torch.Generator().manual_seed(7)
    labels = torch.arange(n) % 2
    images = torch.randint(0, 128, (n, 8, 8, 3), dtype=torch.uint8, generator=generator)
    images[labels == 1, :, :, 0] += 100
    return ImageTensors(images, labels, torch.full((3,), 0.3), torch.full((3,), 0.2))


def run(
    work: Path,
    recipe: Recipe | None = None,
    validation: ImageTensors | None = None,
    offset: torch.Tensor | None = None,
):
    torch.manual_seed(3)
    model = build_model(CifarResnet(name="resnet8"), LOSS, 2)
    images = make_images()
    counts = torch.bincount(images.labels)
    objective = build_objective(
        LOSS, None, counts, task="multiclass", negatives=len(images.labels) - counts
    )
    history = train(
        model,
        objective,
        images,
        validation,
        recipe or make_recipe(),
        offset=torch.zeros(2) if offset is None else offset,
        device=torch.device("cpu"),
        seed=5,
        name="tiny",
        work=work,
    )
    return {key: value.clone() for key, value in model.state_dict().items()}, history


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key


def test_a_rerun_is_bit_equal_and_the_loss_falls(tmp_path):
    weights, history = run(tmp_path / "a")
    again, history_again = run(tmp_path / "b")
    assert_same_weights(weights, again)
    assert history == history_again
    assert history[-1]["loss"] < history[0]["loss"]
    assert [row["epoch"] for row in history] == list(range(EPOCHS))


@pytest.mark.parametrize(
    "optimizer",
    [
        Sgd(name="sgd", lr=0.05, momentum=0.9, weight_decay=2e-4),
        Adam(name="adam", lr=1e-3, weight_decay=1e-4),
    ],
    ids=["sgd", "adam"],
)
@pytest.mark.parametrize("stop_in", [1, 3])
def test_an_interrupted_training_ends_bit_equal(tmp_path, monkeypatch, optimizer, stop_in):
    recipe = make_recipe(optimizer=optimizer)
    weights, history = run(tmp_path / "whole", recipe)

    whole_epoch = training._train_epoch

    def interrupted(*args, epoch, **kwargs):
        if epoch == stop_in:
            raise KeyboardInterrupt
        return whole_epoch(*args, epoch=epoch, **kwargs)

    monkeypatch.setattr(training, "_train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", recipe)
    state = load_state(tmp_path / "parts")
    assert state is not None
    assert state.epoch == stop_in

    epochs = []

    def recorded(*args, epoch, **kwargs):
        epochs.append(epoch)
        return whole_epoch(*args, epoch=epoch, **kwargs)

    monkeypatch.setattr(training, "_train_epoch", recorded)
    resumed, resumed_history = run(tmp_path / "parts", recipe)
    assert epochs == list(range(stop_in, EPOCHS)), "what was done is not done again"
    assert_same_weights(weights, resumed)
    assert history == resumed_history


# beyond what params.yaml may say: what a single step is to lead astray
WILD = Sgd.model_construct(name="sgd", lr=1e30, momentum=0.0, weight_decay=0.0)


def test_a_loss_that_is_not_finite_stops_with_epoch_and_hint(tmp_path):
    wild = make_recipe(optimizer=WILD)
    torch.manual_seed(0)
    model = build_model(CifarResnet(name="resnet8"), LOSS, 2)
    with pytest.raises(InputError, match=r"tiny: the loss became nan in epoch \d .*learning rate"):
        train(
            model,
            lambda logits, _targets, _epoch: (logits * 1e38).exp().sum() * float("nan"),
            make_images(),
            None,
            wild,
            offset=torch.zeros(2),
            device=torch.device("cpu"),
            seed=0,
            name="tiny",
            work=tmp_path,
        )
    assert load_state(tmp_path) is None


def test_best_validation_epoch_is_kept(tmp_path):
    recipe = make_recipe(model_selection="best_validation")
    validation = make_images(20)
    weights, history = run(tmp_path / "a", recipe, validation)
    scores = [row["validation_score"] for row in history]
    model = build_model(CifarResnet(name="resnet8"), LOSS, 2)
    model.load_state_dict(weights)
    assert evaluate(model, validation, recipe, torch.zeros(2)) == max(scores)


def test_a_last_step_gone_astray_is_an_error(tmp_path):
    one_step = make_recipe(
        optimizer=WILD,
        epochs=1,
        batch_size=64,
    )
    with pytest.raises(InputError, match=r"tiny: the trained network's outputs are not finite"):
        run(tmp_path, one_step)


@pytest.mark.parametrize("chosen", [0, 1])
def test_validation_decides_on_logits_plus_offset(chosen):
    torch.manual_seed(3)
    model = build_model(CifarResnet(name="resnet8"), LOSS, 2)
    images = make_images(5)
    images.labels[3:] = 2  # two of class 0, one of class 1 and two of none that is decided for
    offset = torch.zeros(2)
    offset[chosen] = 3.0  # logits are cosines
    found = evaluate(model, images, make_recipe(), offset)
    assert found == pytest.approx(1 / 3)  # of class 0 or 1 all, of others none


def test_training_validates_with_the_offset(tmp_path):
    _, history = run(tmp_path, make_recipe(epochs=1), make_images(5), torch.tensor([0.0, 3.0]))
    assert history[0]["validation_score"] == pytest.approx(1 / 2)
