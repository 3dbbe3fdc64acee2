import pytest

from imbalens.reports.differences.notes import differences_notes

COUNTS = {"Mass": 24, "Hernia": 1, "Nodule": 20, "Edema": 8}


def notes(counts=COUNTS, *, several=True, by_patient=False):
    return differences_notes(
        counts, several=several, split="test", min_images=20, by_patient=by_patient
    )


def test_what_is_left_out_of_means_is_named_with_its_count():
    assert (
        "\n- Means of AUROC, AP, predicted probabilities and calibration take the 2 of 4 labels "
        "with at least 20 test images with and without them (left out: Hernia (1), Edema (8)); "
        "means of recall and precision take all with at least one test image"
    ) in notes()
    assert "\n- Means over classes take all with at least one test image; " in notes(several=False)


def test_nothing_left_out():
    assert "\n- Means over labels take all 2 labels; " in notes({"a": 20, "b": 90})


def test_divergences_are_said_to_be_over_the_classes_that_both_define():
    assert "settings are compared over the classes that all their trainings define" in notes()


@pytest.mark.parametrize(
    ("by_patient", "unit"), [(True, "patients, each with all its images,"), (False, "images")]
)
def test_what_intervals_are_over(by_patient, unit):
    assert f"\n- Intervals are over {unit} and over seeds where" in notes(by_patient=by_patient)
