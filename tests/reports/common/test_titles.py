from imbalens.reports.common.titles import dataset_title


def test_generated_images_are_never_shown_as_real_ones():
    assert dataset_title("planted", generated=True) == "planted (generated images)"
    assert dataset_title("cifar10", generated=False) == "cifar10"
