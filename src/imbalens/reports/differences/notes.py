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
        "over seeds as the other does. Where it says `these trainings`, each side was trained "
        "once, and nothing is said of other trainings of the same loss.\n"
        "- p is corrected for the number of comparisons (step-down min-p) in three families: the "
        "main measures over all classes, the others over all classes, and the rows per class.\n"
        "- The expected calibration error has neither interval nor p: it is too high where bins "
        "hold few images, by amounts that the bootstrap does not find.\n"
        f"- {_averaged(counts, several=several, split=split, min_images=min_images)} The column "
        "`classes` says of each mean how many it is over.\n"
        "- A divergence (KLD) is undefined for a class without errors, and for one that no "
        "misclassified training image says anything of: settings are compared over the classes "
        "that all their trainings define, so that a value can differ from the setting's own where "
        "`classes` does.\n"
    )


def _averaged(counts: Mapping[str, int], *, several: bool, split: str, min_images: int) -> str:
    if not several:
        return (
            f"Means over classes take all with at least one {split} image; those of many, medium "
            f"or few training images need {min_images} such images together for an interval."
        )
    left_out = {name: count for name, count in counts.items() if count < min_images}
    rates = (
        f"means of recall and precision take all with at least one {split} image (and, of "
        "precision, some image taken to have them)."
    )
    if not left_out:
        return f"Means over labels take all {len(counts)} labels; {rates}"
    fewest, taken = sorted(left_out.items(), key=lambda item: item[1]), len(counts) - len(left_out)
    return (
        f"Means of AUROC, AP, predicted probabilities and calibration take the {taken} of "
        f"{len(counts)} labels with at least {min_images} {split} images with and without them "
        f"(left out: {', '.join(f'{name} ({count})' for name, count in fewest)}); {rates}"
    )
