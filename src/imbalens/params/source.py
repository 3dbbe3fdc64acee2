"""What all sources of images have in common."""

from typing import ClassVar, Literal

from imbalens.params.base import Section


class SourceSection(Section):
    """Where images come from, and what is known of them before any is read.

    Attributes:
        generated: Whether the images are drawn by this package.
        takes_resize: Whether `resize` says how images become squares.
        takes_bits: Whether `bits` says how many bits of deep grey are used.
    """

    generated: ClassVar[bool] = False
    takes_resize: ClassVar[bool] = False
    takes_bits: ClassVar[bool] = False

    @property
    def several_labels(self) -> bool:
        """Whether an image can have several labels, or none."""
        return False

    @property
    def has_boxes(self) -> bool:
        """Whether images can have boxes."""
        return False

    @property
    def may_set_aside(self) -> bool:
        """Whether the source may have validation images of its own."""
        return False

    @property
    def has_images(self) -> bool:
        """Whether there are images, and not only what a network made of them."""
        return True

    @property
    def expected_digest(self) -> str | None:
        """The digest that the prepared images must have; None if any will do."""
        return None


class Files(SourceSection):
    """Files of one's own, which may change unseen.

    `digest` is what `prepare` reports: it covers the images as selected, split and resized. When
    given, another one is an error, be it due to other files or to another image_size, resize,
    bits, imbalance or validation.
    """

    digest: str | None

    @property
    def expected_digest(self) -> str | None:
        """The digest that was given."""
        return self.digest


class TaskFiles(Files):
    """Files that hold the labels, as numbers or as columns of 0 and 1, and may hold all splits.

    `task` says whether an image has one class or any of several labels.
    """

    task: Literal["multiclass", "multilabel"]

    @property
    def several_labels(self) -> bool:
        """Where the task says so."""
        return self.task == "multilabel"

    @property
    def may_set_aside(self) -> bool:
        """Where the file tells of validation images."""
        return True
