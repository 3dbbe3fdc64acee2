import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as reference

from imbalens.params import Augmentation
from imbalens.training.batches import (
    ImageTensors,
    crop_and_flip,
    plain_batches,
    training_batches,
)


def make_split(n: int, size: int = 6) -> ImageTensors:
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, size, size, 3), dtype=torch.uint8, generator=generator)
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


@given(n=st.integers(1, 23), batch_size=st.integers(1, 9), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_an_epoch_holds_every_image_once_whatever_the_batch_size(n, batch_size, seed):
    split = make_split(n)
    augmentation = Augmentation(crop_padding=2, flip=True)

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
    off = Augmentation(crop_padding=0, flip=False)
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
        split, batch_size=2000, augmentation=Augmentation(crop_padding=0, flip=True), seed=0
    )
    assert 0.45 < float((batch[:, 0, 0, 2] > 0).float().mean()) < 0.55


def test_crops_reach_every_shift_about_equally_often():
    images = torch.zeros(2000, 5, 5, 3, dtype=torch.uint8)
    images[:, 2, 2] = 255  # stays inside whatever the shift
    split = ImageTensors(images, torch.arange(2000), torch.zeros(3), torch.ones(3))
    ((batch, _),) = training_batches(
        split, batch_size=2000, augmentation=Augmentation(crop_padding=2, flip=False), seed=0
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
