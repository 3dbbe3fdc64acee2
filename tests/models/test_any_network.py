"""Networks of others: their parts are found, and what they cannot is said."""

import re
import sys

import pytest
import torch
from captum.attr import LayerGradCam

from imbalens.attribution.grad_cam import grad_cams
from imbalens.errors import InputError
from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights, save_weights
from imbalens.models.initial_weights import initialize
from imbalens.params import runs
from tests import own_networks
from tests.networks import NETWORKS, own, timm, torchvision

CE = runs.Ce(name="ce")
LDAM = runs.Ldam(name="ldam", max_margin=0.5, scale=30.0)
N = 5
VIT_MAPS = "encoder.layers.encoder_layer_1.ln_1"
# head, maps, shape of the maps, whether the head is applied to their means
FOUND = {
    "build": (own("build"), 32, "6", "2", (8, 16, 16), True),
    "hidden": (own("hidden"), 32, "6", "1", (6, 8, 8), False),
    "named": (own("build", maps="0", head="6"), 32, "6", "0", (8, 16, 16), False),
    "transformer": (own("transformer"), 32, "heads.head", VIT_MAPS, (16, 4, 4), False),
    "channels_last": (own("ChannelsLast"), 32, "head", "norm", (5, 4, 4), True),
    "auxiliary": (own("Returning"), 32, "main", "body.2", (8, 16, 16), False),
    "frozen": (own("frozen"), 32, "6", "2", (8, 16, 16), True),
    "resnet18": (torchvision("resnet18"), 64, "fc", "layer4", (512, 2, 2), True),
    # its last layer gives a single cell here
    "small_images": (torchvision("resnet18"), 32, "fc", "layer3", (256, 2, 2), False),
    # a branch of its last layer gives more, in timm's without a part in what follows at first
    "branch": (torchvision("resnet50"), 32, "fc", "layer3", (1024, 2, 2), False),
    "zero_branch": (timm("resnet26"), 32, "fc", "layer3", (1024, 2, 2), False),
    "windows": (own("Windows"), 32, "head", "stem", (5, 8, 8), False),
    "densenet121": (torchvision("densenet121"), 64, "classifier", "features", (1024, 2, 2), False),
    "swin_t": (torchvision("swin_t"), 64, "head", "permute", (768, 2, 2), True),
    "resnet10t": (timm("resnet10t"), 64, "fc", "layer4", (512, 2, 2), True),
    "vit_tiny": (
        *(timm("vit_tiny_patch16_224"), 224, "head", "blocks.11.norm1"),
        *((192, 14, 14), False),
    ),
    # all tokens are read, but that in front, a register, is no place
    "registers": (timm("test_vit2"), 64, "head", "norm", (64, 4, 4), False),
}


def build(model, size, loss=CE):
    if isinstance(model, runs.Timm):
        pytest.importorskip("timm", reason="pip install timm")
    torch.manual_seed(0)
    return build_model(model, loss, N, image_size=size)


@pytest.fixture(scope="module", params=FOUND)
def case(request):
    model, size, *expected = FOUND[request.param]
    return build(model, size).eval(), torch.randn(2, 3, size, size), expected


def test_parts_are_found(case):
    network, images, (head, maps, shape, pooled) = case
    assert (network.head_name, network.maps_name) == (head, maps)
    with torch.no_grad():
        found, features = network.forward_with_maps(images)
    assert found.shape[1:] == shape
    means = found.mean(dim=(2, 3))
    close = means.shape == features.shape and torch.allclose(means, features, atol=1e-5)
    assert close == pooled


def test_logits_are_the_head_of_features_and_a_pass_more_changes_nothing(case):
    network, images, _ = case
    with torch.no_grad():
        logits, features = network.body(images), network.forward_features(images)
        weight, bias = network.head_matrix()
        torch.testing.assert_close(features @ weight.T + bias, logits, rtol=1e-4, atol=1e-5)
        assert torch.equal(network(images), logits)
        assert torch.equal(network.classify(network.forward_with_maps(images)[1]), logits)


def test_grad_cam_is_captums(case):
    network, images, _ = case
    pairs = torch.tensor([[0, 1], [0, 3], [1, 0]])
    maps, found = grad_cams(network, images, pairs)
    layer, layout = network.get_submodule(network.maps_name), network.layout
    trained = [weight.requires_grad for weight in network.parameters()]
    for (row, label), cam in zip(pairs.tolist(), found, strict=True):
        captum = LayerGradCam(network.body, layer)
        image = images[row : row + 1].clone().requires_grad_()
        if layout.kind == "channels_first":
            expected = captum.attribute(image, target=label)[0, 0]
        else:  # captum takes the second axis for channels: theirs is written out
            expected = plain_grad_cam(network, layer, image, label)
        torch.testing.assert_close(cam, expected.detach(), rtol=1e-3, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(maps, network.forward_maps(images))
    assert [weight.requires_grad for weight in network.parameters()] == trained


def plain_grad_cam(network, layer, image, label):
    kept = []
    handle = layer.register_forward_hook(lambda *given: kept.append(given[-1]))
    logit = network.body(image)[0, label]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, kept[0])
    maps, gradient = (network.layout.to_maps(each)[0] for each in (kept[0], gradient))
    weights = gradient.mean(dim=(1, 2))
    return sum(weight * each for weight, each in zip(weights, maps, strict=True))


def test_of_pooled_maps_grad_cam_is_the_class_activation_map():
    for model, size in ((NETWORKS["resnet8"], 16), (own("build"), 32), (own("ChannelsLast"), 32)):
        network = build(model, size).eval()
        images, pairs = torch.randn(2, 3, size, size), torch.tensor([[0, 4], [1, 2]])
        maps, found = grad_cams(network, images, pairs)
        weight = network.head_matrix()[0][pairs[:, 1]]
        cams = torch.einsum("pkhw,pk->phw", maps, weight)
        torch.testing.assert_close(found * cams[0].numel(), cams, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["build", "transformer", "channels_last", "resnet18"])
def test_ldam_has_cosines_and_gradients_reach_all(name):
    model, size, *_ = FOUND[name]
    network = build(model, size, LDAM)
    images = torch.randn(4, 3, size, size)
    network(images).square().sum().backward()
    unused = [key for key, value in network.named_parameters() if value.grad is None]
    assert unused == []
    network.eval()
    with torch.no_grad():
        weight, bias = network.head_matrix()
        features = torch.nn.functional.normalize(network.forward_features(images), dim=1)
        torch.testing.assert_close(features @ weight.T, network(images), rtol=1e-4, atol=1e-5)
    assert not bias.any()


def test_a_head_of_two_names_has_cosines_under_both():
    network = build(own("TwoNames"), 32, LDAM).eval()
    assert network.body.again is network.body.main
    with torch.no_grad():
        assert network(torch.randn(2, 3, 32, 32)).abs().max() <= 1


def test_a_network_sees_what_images_are_whatever_the_default():
    before = torch.get_default_dtype()
    try:
        with pytest.raises(InputError, match=r"cannot see .*float32"):
            build(own("double"), 32)
    finally:
        torch.set_default_dtype(before)


def test_a_network_is_as_it_was_before_it_was_tried():
    torch.manual_seed(0)
    expected, after = own_networks.build(N).state_dict(), torch.rand(3)
    network = build(own("build"), 32)
    assert torch.equal(torch.rand(3), after), "numbers were drawn"
    assert network.training
    assert network.body.training
    found = network.state_dict()
    assert [*found] == [*expected], "names are the network's own"
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert [name for name, _ in network.named_parameters()] == [
        name for name, _ in network.body.named_parameters()
    ]


@pytest.mark.parametrize("loss", [CE, LDAM], ids=["linear", "cosine"])
def test_weights_are_saved_and_loaded(loss, tmp_path):
    path = tmp_path / "weights.pt"
    network = build(own("transformer"), 32, loss)
    save_weights(network, path, metadata={})
    torch.manual_seed(9)
    other = build_model(own("transformer"), loss, N, image_size=32)
    load_weights(other, load_checkpoint(path), path=path)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(other.eval()(images), network.eval()(images))


def test_a_file_of_weights_fills_the_body_and_the_head_stays(tmp_path):
    path = tmp_path / "start.pt"
    given = build_model(torchvision("resnet18"), CE, 9, image_size=64)
    torch.save(given.state_dict(), path)
    model = torchvision("resnet18", weights=str(path))
    network = build(model, 64)
    before = network.state_dict()["fc.weight"].clone()
    initialize(network, model)
    found, expected = network.state_dict(), given.state_dict()
    assert torch.equal(found.pop("fc.weight"), before)
    assert all(
        torch.equal(value, expected[name]) for name, value in found.items() if name != "fc.bias"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (torchvision("resnet81"), r"found 'resnet81'; did you mean .*resnet18.* of torchvision"),
        (torchvision("vit_b_16"), r"vit_b_16 cannot see images of 32 x 32 pixels .*224"),
        (own("ForOneSize"), r"cannot see images of 32 x 32 .*'wants 224'.*image_size"),
        (own("raising"), r"raised RuntimeError: 'no network of 5 outputs!{217}'\.\.\.; it is"),
        (own("build", arguments={"depth": 3}), r"raised TypeError: .*depth.*model\.arguments"),
        (own("missing"), r"own_networks:missing: is no function .*no such name"),
        (own("NOTHING"), r"NOTHING: is no function of tests\.own_networks \(found 3\)"),
        (own("nothing"), r"returned \{'outputs': 5\} of type dict; return a network"),
        (own("without_linear"), r"has no linear layer .* that gives its 5 outputs"),
        (own("Averaging"), r"2 linear layers .*: main, auxiliary, and returns .* none"),
        (own("FromZero"), r"2 linear layers that may be its head: main, auxiliary; name"),
        (own("FromZero", head="main"), r"does not return the output of its head 'main'"),
        (own("Averaging", head="main"), r"does not return the output of its head 'main'"),
        (own("Softmax"), r"has 2 linear layers"),
        (own("Halved"), r"does not return the output of its head 'main' as it is"),
        (own("ScaledFromZero"), r"does not return the output of its head 'main' as it is"),
        (own("Random"), r"something else of the same images each time, .*self\.training"),
        (own("own_head"), r"head '6', a Cosines, gives something else than .*torch\.nn\.Linear"),
        (own("Crops"), r"no linear layer .* that gives its 5 outputs, one row for an image"),
        (own("compiled"), r"is compiled or wrapped \(OptimizedModule\)"),
        (own("scripted"), r"is compiled or wrapped \(RecursiveScriptModule\)"),
        (own("parallel"), r"is compiled or wrapped \(DataParallel\)"),
        (own("leaving"), r"leaving: raised SystemExit: '5'; it is called with"),
        (own("Both"), r"gives dict, not a tensor \[images, outputs\] of logits"),
        (own("thousand"), r"gives 1000 outputs, but the dataset has 5"),
        (own("build", head="5"), r"model\.head: found '5'; allowed: a linear layer, of 6$"),
        (
            own("Returning", arguments={"n_auxiliary": 9}, head="auxiliary"),
            r"'auxiliary' gives \[9\] per image, but the network 5 outputs",
        ),
        (own("hidden", maps="4"), r"found '4', which gives no maps .*32 pixels; allowed: 1, 0$"),
        (own("build", maps="9"), r"model\.maps: found '9', which gives no maps"),
        (own("transformer", maps="encoder.ln"), r"do not depend on the maps of 'encoder\.ln'"),
        (
            own("build").model_copy(update={"factory": "networks.no_such:build"}),
            r"networks\.no_such:build: cannot be imported \(ModuleNotFoundError: .*networks/mine",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_said(model, message):
    with pytest.raises(InputError, match=message) as caught:
        build(model, 32)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def test_a_factory_lies_in_the_projects_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "networks").mkdir()
    text = "from networks.widths_of_mine import WIDTH\nfrom tests.own_networks import build as b\n"
    text += "def build(n, deep=False):\n    return b(n, WIDTH + deep)\n"
    (tmp_path / "networks/mine_here.py").write_text(text, encoding="utf-8")
    (tmp_path / "networks/widths_of_mine.py").write_text("WIDTH = 6", encoding="utf-8")
    path = [*sys.path]
    model = own("build", arguments={"deep": True})
    model = model.model_copy(update={"factory": "networks.mine_here:build"})
    assert build(model, 32).head_matrix()[0].shape == (N, 7)
    assert sys.path == path


def test_timm_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=re.escape("pip install 'imbalens[timm]'")):
        build_model(timm("resnet10t"), CE, N, image_size=32)


def test_an_unknown_network_of_timm_is_said():
    with pytest.raises(InputError, match=r"found 'resnet10q'; did you mean .*of timm"):
        build(timm("resnet10q"), 32)


def test_without_maps_features_are_there_and_maps_are_refused():
    network, images = build(own("mlp"), 32).eval(), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert network.forward_features(images).shape == (2, 7)
        with pytest.raises(InputError, match=r"no maps of more than one cell .*dumps\.maps\.runs"):
            network.forward_maps(images)


def test_what_a_network_gives_in_training_is_judged_when_it_is_trained():
    network, images = build(own("BothInTraining"), 32), torch.randn(2, 3, 32, 32)
    assert network.eval()(images).shape == (2, N)
    with pytest.raises(InputError, match=r"gives tuple in training, logits and auxiliary outputs"):
        network.train()(images)


def test_auxiliary_outputs_of_a_public_network_are_said_before_it_is_trained_for_long():
    network = build(own("google"), 32).train()
    with pytest.raises(InputError, match=r"gives GoogLeNetOutputs in training.* aux_logits=False"):
        network(torch.randn(2, 3, 32, 32))


def test_importing_a_factory_changes_no_weight(tmp_path, monkeypatch):
    """A seed set in its module, or numbers drawn there, would be the same in all trainings."""
    monkeypatch.chdir(tmp_path)
    text = "import torch\nfrom tests.own_networks import build\ntorch.manual_seed(0)\n"
    (tmp_path / "seeds_itself.py").write_text(text, encoding="utf-8")
    expected, model = first_weights(own("build"), 4), own("build")
    model = model.model_copy(update={"factory": "seeds_itself:build"})
    assert torch.equal(first_weights(model, 4), expected)
    assert not torch.equal(first_weights(model, 5), expected)


def test_a_factory_that_sets_the_seed_is_refused():
    torch.manual_seed(4)
    with pytest.raises(InputError, match=r"sets torch's seed to 7, .* same weights"):
        build(own("seeding"), 32)


def first_weights(model, seed):
    torch.manual_seed(seed)
    return next(build_model(model, CE, N, image_size=32).parameters())


def test_one_image_that_batch_normalisation_refuses_is_said():
    network = build(torchvision("resnet18"), 32).train()
    with pytest.raises(InputError, match=r"cannot be trained on one image .*batch_size"):
        network(torch.randn(1, 3, 32, 32))


def test_published_weights_that_there_are_not_are_said():
    model = torchvision("resnet18", weights="imagenet")
    network = build(model, 32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torchvision.models.get_model_weights", lambda _: [])
        with pytest.raises(InputError, match=r"resnet18: torchvision has no published weights"):
            initialize(network, model)
