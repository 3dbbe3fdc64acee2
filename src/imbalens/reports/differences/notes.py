"""What has to be known to read the table of differences, as sentences."""

from collections.abc import Mapping


def differences_notes(
    counts: Mapping[str, int], *, several: bool, split: str, min_images: int, by_patient: bool
) -> str:
    """Say what intervals, corrections and means of a dataset's differences are over.

    Args:
        counts: Images behind each class, see `images_behind`.
        several: Whether an image may have several labels.
        split: Split that was evaluated.
        min_images: Images behind a class from which on it is in means over classes.
        by_patient: Whether images were drawn with their patient.
    """
    unit = "patients, each with all its images," if by_patient else "images"
    return (
        "## How to read the differences\n\n"
        f"- Intervals are over {unit} and over seeds where one of the sides was trained with "
        "several; the column `over` says so for each. A side trained once is then taken to vary "
        "over seeds as the other does.\n"
        "- p is corrected for the number of comparisons (max-t) in two families: the rows over "
        "all classes, and the rows per class.\n"
        "- The expected calibration error has neither interval nor p: it is too high where bins "
        "hold few images, by amounts that the bootstrap does not find.\n"
        f"- {_averaged(counts, several=several, split=split, min_images=min_images)}\n"
    )


def _averaged(counts: Mapping[str, int], *, several: bool, split: str, min_images: int) -> str:
    kind, have = ("labels", "with and without them") if several else ("classes", "of theirs")
    left_out = {name: count for name, count in counts.items() if count < min_images}
    if not left_out:
        return f"Means over {kind} take all {len(counts)} {kind}."
    fewest, taken = sorted(left_out.items(), key=lambda item: item[1]), len(counts) - len(left_out)
    return (
        f"Means over {kind} take the {taken} of {len(counts)} {kind} with at least {min_images} "
        f"{split} images {have}, the same for all runs; those of the stage `performance` take "
        "whatever is defined. Left out: "
        f"{', '.join(f'{name} ({count})' for name, count in fewest)}."
    )
