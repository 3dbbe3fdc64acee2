import pytest

from imbalens.reports.differences.notes import differences_notes

COUNTS = {"Mass": 24, "Hernia": 1, "Nodule": 20, "Edema": 8}


def notes(counts=COUNTS, *, several=True, by_patient=False):
    return differences_notes(
        counts, several=several, split="test", min_images=20, by_patient=by_patient
    )


def test_what_is_left_out_of_means_is_named_with_its_count():
    assert notes().endswith(
        "Means over labels take the 2 of 4 labels with at least 20 test images with and without "
        "them, the same for all runs; those of the stage `performance` take whatever is defined. "
        "Left out: Hernia (1), Edema (8).\n"
    )
    assert "take the 2 of 4 classes with at least 20 test images of theirs" in notes(several=False)


def test_nothing_left_out():
    enough = {"a": 20, "b": 90}
    assert notes(enough, several=False).endswith("\n- Means over classes take all 2 classes.\n")


@pytest.mark.parametrize(
    ("by_patient", "unit"), [(True, "patients, each with all its images,"), (False, "images")]
)
def test_what_intervals_are_over(by_patient, unit):
    assert f"\n- Intervals are over {unit} and over seeds where" in notes(by_patient=by_patient)
