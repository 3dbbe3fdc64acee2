"""Training on images of which each has any of several labels, or none."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from imbalens.classes import UNKNOWN
from imbalens.errors import InputError
from imbalens.losses.build import build_objective
from imbalens.models.build import build_model
from imbalens.params.recipes import Adam
from imbalens.params.runs import Bce, CbFocal, CifarResnet, Wbce
from imbalens.training import train as training
from imbalens.training.batches import ImageTensors
from imbalens.training.resuming import load_state
from imbalens.training.scores import evaluate, mean_auroc, to_outputs
from imbalens.training.train import count_known, train
from tests.training.test_train import EPOCHS, assert_same_weights, make_recipe

BCE = Bce(name="bce")
LOSSES = [
    BCE,
    Wbce(name="wbce", counts="batch", unit_negatives=False),
    CbFocal(
        name="cb_focal", beta=0.99, gamma=2.0, counts="global", normalize_weights=False, scale=1.0
    ),
]
RECIPE = make_recipe(
    optimizer=Adam(name="adam", lr=3e-3, weight_decay=0.0),
    augmentation={"crop_padding": 1, "flip": True, "brightness": 0.1, "contrast": 0.1},
    model_selection="best_validation",
)


def make_images(n: int = 40, seed: int = 7) -> ImageTensors:
    """Grey images; the first label brightens rows, the second columns, none has the third."""
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand((n, 3), generator=generator) < torch.tensor([0.5, 0.3, 0])).byte()
    images = torch.randint(0, 100, (n, 8, 8, 1), dtype=torch.uint8, generator=generator)
    images[labels[:, 0] == 1, ::2] += 100
    images[labels[:, 1] == 1, :, ::2] += 50
    return ImageTensors(images, labels, torch.full((3,), 0.3), torch.full((3,), 0.2))


def build(n_outputs: int = 3):
    torch.manual_seed(3)
    return build_model(CifarResnet(name="resnet8"), BCE, n_outputs)


def run(work, loss=BCE, validation=None):
    model, images = build(), make_images()
    objective = build_objective(
        loss,
        None,
        images.labels.long().sum(0),
        task="multilabel",
        negatives=(images.labels == 0).sum(0),
    )
    history = train(
        model,
        objective,
        images,
        make_images(20, seed=8) if validation is None else validation,
        RECIPE,
        offset=torch.zeros(3),
        device=torch.device("cpu"),
        seed=5,
        name="tiny",
        work=work,
    )
    return {key: value.clone() for key, value in model.state_dict().items()}, history


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_the_loss_falls_and_shares_are_shares(tmp_path, loss):
    _, history = run(tmp_path, loss)
    assert history[-1]["loss"] < history[0]["loss"]
    assert [row["epoch"] for row in history] == list(range(EPOCHS))
    for row in history:
        assert 0 <= row["training_score"] <= 1
        assert 0 <= row["validation_score"] <= 1


@pytest.mark.parametrize("stop_in", [1, 3])
def test_an_interrupted_training_ends_bit_equal(tmp_path, monkeypatch, stop_in):
    weights, history = run(tmp_path / "whole")
    whole_epoch = training._train_epoch

    def interrupted(*args, epoch, **kwargs):
        if epoch == stop_in:
            raise KeyboardInterrupt
        return whole_epoch(*args, epoch=epoch, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_train_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts")
    assert load_state(tmp_path / "parts").epoch == stop_in
    resumed, resumed_history = run(tmp_path / "parts")
    assert_same_weights(weights, resumed)
    assert history == resumed_history


def test_the_epoch_of_the_best_mean_auroc_is_kept(tmp_path):
    validation = make_images(20, seed=8)
    weights, history = run(tmp_path, validation=validation)
    model = build()
    model.load_state_dict(weights)
    scores = [row["validation_score"] for row in history]
    assert evaluate(model, validation, RECIPE, torch.zeros(3)) == max(scores)


def test_the_score_of_an_epoch_is_of_all_its_images_as_trained_on(tmp_path, monkeypatch):
    seen = []

    def recorded(logits, labels):
        seen.append((logits.detach().clone(), labels))
        return to_outputs(logits, labels)

    monkeypatch.setattr(training, "to_outputs", recorded)
    _, history = run(tmp_path)
    logits, labels = (torch.cat(each).reshape(EPOCHS, 40, 3) for each in zip(*seen, strict=True))
    expected = [*map(mean_auroc, logits, labels)]
    assert [row["training_score"] for row in history] == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_validation_is_the_mean_auroc_of_labels_that_some_have_and_some_lack(offset):
    images = make_images(23)
    images.labels[:, 2] = torch.arange(23) < 9
    full = torch.cat([images.labels, torch.zeros(23, 1), torch.ones(23, 1)], 1).byte()
    images = ImageTensors(images.images, full, images.mean, images.std)
    model = build(5)
    with torch.no_grad():
        logits = model.eval()(images.normalized(images.images)).double().numpy()
    areas = [roc_auc_score(full[:, label], logits[:, label]) for label in range(3)]
    found = evaluate(model, images, make_recipe(batch_size=5), torch.full((5,), offset))
    # batches and the offset round, which can swap neighbours of 23
    assert found == pytest.approx(np.mean(areas), abs=0.01)
    assert len(set(areas)) > 1


@pytest.mark.parametrize("constant", [0, 1])
def test_without_such_a_label_there_is_nothing_to_validate(tmp_path, constant):
    images = make_images(6)
    images.labels[:] = constant
    message = (
        "validation: no label has both positives and negatives in the validation part; set a "
        "larger datasets.*.validation.share"
    )
    with pytest.raises(InputError) as caught:
        evaluate(build(), images, RECIPE, torch.zeros(3))
    assert str(caught.value) == message
    with pytest.raises(InputError, match="no label has both positives and negatives"):
        run(tmp_path, validation=images)
    assert load_state(tmp_path) is None


def hide(images: ImageTensors) -> tuple[ImageTensors, np.ndarray]:
    """Images of which some labels are not known, and which these are."""
    unknown = np.random.default_rng(0).random(tuple(images.labels.shape)) < 0.3
    labels = torch.where(torch.from_numpy(unknown), UNKNOWN, images.labels)
    return replace(images, labels=labels), unknown


def test_validation_is_over_the_images_whose_label_is_known():
    model, (images, unknown) = build(), hide(make_images(60))
    offset = torch.tensor([0.0, 0.5, -0.5])
    found = evaluate(model, images, RECIPE, offset)
    with torch.inference_mode():
        scores = model(images.normalized(images.images)).numpy()
    labels = images.labels.numpy()
    expected = [
        roc_auc_score(labels[known, label], scores[known, label])
        for label, known in enumerate(~unknown.T[:2])  # no image has the third
    ]
    assert found == pytest.approx(np.mean(expected))


def test_batches_count_by_how_many_labels_are_known():
    labels = torch.tensor([[1, UNKNOWN, 0], [1, 1, 0]], dtype=torch.uint8)
    assert float(count_known(labels)) == pytest.approx(5 / 3)
    assert float(count_known(torch.full((2, 3), UNKNOWN, dtype=torch.uint8))) == 0
    assert float(count_known(torch.tensor([0, 1, 0]))) == 3


def test_a_label_needs_known_positives_and_negatives_to_be_validated():
    images = make_images(4)
    labels = torch.tensor([[1, UNKNOWN, 0]] * 4, dtype=torch.uint8)
    with pytest.raises(InputError, match="no label has both"):
        evaluate(build(), replace(images, labels=labels), RECIPE, torch.zeros(3))
