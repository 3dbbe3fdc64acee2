import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as reference

from imbalens.params.recipes import Augmentation
from imbalens.training.batches import (
    ImageTensors,
    crop_and_flip,
    jitter,
    plain_batches,
    training_batches,
)


def augment(padding: int, *, flip: bool, brightness=0.0, contrast=0.0) -> Augmentation:
    return Augmentation(crop_padding=padding, flip=flip, brightness=brightness, contrast=contrast)


def make_split(n: int, size: int = 6, channels: int = 3) -> ImageTensors:
    generator = torch.Generator().manual_seed(n)
    shape = (n, size, size, channels)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return ImageTensors(
        images, torch.arange(n), torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.25])
    )


@given(
    n=st.integers(1, 4), size=st.integers(1, 7), padding=st.integers(0, 4), seed=st.integers(0, 99)
)
@settings(deadline=None, max_examples=40)
def test_crop_and_flip_equals_torchvision_on_pil_images(n, size, padding, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, size, size + 1, 3), dtype=np.uint8)
    offsets = rng.integers(0, 2 * padding + 1, (n, 2))
    flips = rng.random(n) < 0.5
    found = crop_and_flip(
        torch.from_numpy(pixels),
        torch.from_numpy(offsets),
        torch.from_numpy(flips),
        padding=padding,
    ).numpy()
    for i in range(n):
        image = reference.pad(Image.fromarray(pixels[i]), [padding] * 4)
        image = reference.crop(image, int(offsets[i, 0]), int(offsets[i, 1]), size, size + 1)
        image = reference.hflip(image) if flips[i] else image
        np.testing.assert_array_equal(found[i], np.asarray(image))


def test_normalized_equals_torchvision():
    split = make_split(3)
    images = split.images.permute(0, 3, 1, 2) / 255
    expected = reference.normalize(images, split.mean.tolist(), split.std.tolist())
    torch.testing.assert_close(split.normalized(split.images), expected, rtol=1e-5, atol=1e-5)
    assert split.normalized(split.images).is_contiguous(memory_format=torch.channels_last)


def test_a_grey_channel_is_repeated_and_normalised_as_each_of_three():
    grey = make_split(3, channels=1)
    colour = ImageTensors(grey.images.expand(3, 6, 6, 3), grey.labels, grey.mean, grey.std)
    found = grey.normalized(grey.images)
    assert found.shape == (3, 3, 6, 6)
    assert torch.equal(found, colour.normalized(colour.images))
    assert found.is_contiguous(memory_format=torch.channels_last)


@given(n=st.integers(1, 23), batch_size=st.integers(1, 9), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_an_epoch_holds_every_image_once_whatever_the_batch_size(n, batch_size, seed):
    split = make_split(n)
    augmentation = augment(2, flip=True)

    def epoch(size):
        batches = list(
            training_batches(split, batch_size=size, augmentation=augmentation, seed=seed)
        )
        return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])

    images, labels = epoch(batch_size)
    assert sorted(labels.tolist()) == list(range(n))
    whole_images, whole_labels = epoch(n)
    assert torch.equal(labels, whole_labels)
    assert torch.equal(images, whole_images)


def test_epochs_of_other_seeds_differ_and_augmentation_can_be_off():
    split = make_split(20)
    off = augment(0, flip=False)
    orders = []
    for seed in (0, 1):
        ((images, labels),) = training_batches(split, batch_size=20, augmentation=off, seed=seed)
        assert torch.equal(images, split.normalized(split.images[labels]))
        orders.append(labels.tolist())
    assert orders[0] != orders[1]


def test_about_half_of_the_images_are_flipped():
    images = torch.zeros(2000, 3, 3, 3, dtype=torch.uint8)
    images[:, :, 0] = 255
    split = ImageTensors(images, torch.arange(2000), torch.zeros(3), torch.ones(3))
    ((batch, _),) = training_batches(
        split, batch_size=2000, augmentation=augment(0, flip=True), seed=0
    )
    assert 0.45 < float((batch[:, 0, 0, 2] > 0).float().mean()) < 0.55


def test_crops_reach_every_shift_about_equally_often():
    images = torch.zeros(2000, 5, 5, 3, dtype=torch.uint8)
    images[:, 2, 2] = 255  # stays inside whatever the shift
    split = ImageTensors(images, torch.arange(2000), torch.zeros(3), torch.ones(3))
    ((batch, _),) = training_batches(
        split, batch_size=2000, augmentation=augment(2, flip=False), seed=0
    )
    places = batch[:, 0].flatten(1).argmax(1)
    assert (torch.bincount(places, minlength=25) > 40).all()


@pytest.mark.parametrize("batch_size", [1, 4, 7, 50])
def test_plain_batches_keep_the_order(batch_size):
    split = make_split(7)
    batches = list(plain_batches(split, batch_size=batch_size))
    assert torch.equal(torch.cat([y for _, y in batches]), split.labels)
    torch.testing.assert_close(
        torch.cat([x for x, _ in batches]), split.normalized(split.images), rtol=0, atol=0
    )


def draw_factors(n: int, width: float) -> torch.Tensor:
    return 1 + width * (2 * torch.rand(n, generator=torch.Generator().manual_seed(n)) - 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [0.0, 0.3, 0.95])
def test_brightness_equals_torchvision(channels, width):
    pixels, factors = make_split(20, channels=channels).images, draw_factors(20, width)
    found = jitter(pixels, factors, torch.ones(20))
    for image, factor, result in zip(pixels, factors.tolist(), found, strict=True):
        expected = 255 * reference.adjust_brightness(image.permute(2, 0, 1) / 255, factor)
        torch.testing.assert_close(result.permute(2, 0, 1), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [0.0, 0.3, 0.95])
def test_contrast_is_the_distance_from_the_mean_of_the_brightened_image(channels, width):
    pixels = make_split(20, channels=channels).images
    brightness, contrast = draw_factors(20, 0.5), draw_factors(20, width).flip(0)
    found = jitter(pixels, brightness, contrast).double().numpy()
    factors = torch.stack([brightness, contrast], 1).double().tolist()
    for image, (b, c), result in zip(pixels.double().numpy(), factors, found, strict=True):
        bright = np.minimum(image * b, 255)
        expected = np.clip(bright.mean() + c * (bright - bright.mean()), 0, 255)
        np.testing.assert_allclose(result, expected, atol=1e-3)


def test_contrast_of_a_grey_image_equals_torchvision():
    pixels, factors = make_split(9, channels=1).images, draw_factors(9, 0.9)
    found = jitter(pixels, torch.ones(9), factors)
    for image, factor, result in zip(pixels, factors.tolist(), found, strict=True):
        expected = 255 * reference.adjust_contrast(image.permute(2, 0, 1) / 255, factor)
        torch.testing.assert_close(result.permute(2, 0, 1), expected, rtol=1e-5, atol=1e-3)


def test_without_jitter_an_epoch_is_crop_and_flip_alone():
    split = make_split(9)
    generator = torch.Generator().manual_seed(4)
    order = torch.randperm(9, generator=generator)
    offsets = torch.randint(5, (9, 2), generator=generator)
    flips = torch.rand(9, generator=generator) < 0.5
    pixels = crop_and_flip(split.images[order], offsets, flips, padding=2)
    ((images, labels),) = training_batches(
        split, batch_size=9, augmentation=augment(2, flip=True), seed=4
    )
    assert labels.tolist() == order.tolist()
    assert torch.equal(images, split.normalized(pixels))


@pytest.mark.parametrize("kind", ["brightness", "contrast"])
def test_jitter_changes_neither_order_nor_crops_and_keeps_within_its_width(kind):
    """Of a single bright pixel, brightness and contrast can be read off."""
    images = torch.zeros(500, 4, 4, 1, dtype=torch.uint8)
    images[:, 1, 1] = 160
    split = ImageTensors(images, torch.arange(500), torch.zeros(3), torch.ones(3))
    epochs = {}
    for width in (0.0, 0.25):
        augmentation = augment(1, flip=True, **{kind: width})
        batches = list(training_batches(split, batch_size=64, augmentation=augmentation, seed=3))
        epochs[width] = [torch.cat(parts) for parts in zip(*batches, strict=True)]
    (plain, order), (jittered, same_order) = epochs.values()
    assert torch.equal(order, same_order)
    assert torch.equal(plain.flatten(1).argmax(1), jittered.flatten(1).argmax(1))
    gain = 255 * jittered.amax((1, 2, 3)) / 160
    factors = gain if kind == "brightness" else (gain - 1 / 16) / (1 - 1 / 16)
    assert 0.749 < float(factors.min()) < 0.77
    assert 1.23 < float(factors.max()) < 1.251
    assert abs(float(factors.mean()) - 1) < 0.02


def test_several_labels_go_with_their_images():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (7, 3), dtype=torch.uint8, generator=generator)
    images = torch.arange(7, dtype=torch.uint8)[:, None, None, None].expand(7, 4, 4, 1)
    split = ImageTensors(images.contiguous(), labels, torch.zeros(3), torch.ones(3))
    off = augment(0, flip=False)
    for batches in (
        training_batches(split, batch_size=3, augmentation=off, seed=1),
        plain_batches(split, batch_size=3),
    ):
        for batch, found in batches:
            rows = (255 * batch[:, 0, 0, 0]).round().long()
            assert torch.equal(found, labels[rows])
