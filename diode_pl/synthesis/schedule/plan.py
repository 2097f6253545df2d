"""Assignment of images to batches and of batches to ranks."""

from dataclasses import dataclass


@dataclass
class Plan:
    """Division of a data set into batches.

    Args:
        num_images: size of the data set, >= 1.
        batch_size: images optimized together, >= 1; the last batch may be smaller.
        todo: numbers of the batches that are not finished; all by default.

    Raises:
        ValueError: if ``num_images`` or ``batch_size`` is below 1.

    Example:
        >>> plan = Plan(num_images=10, batch_size=4)
        >>> plan.share(rank=0, ranks=2), plan.images_in(2)
        ([0, 2], 2)
    """

    num_images: int
    batch_size: int
    todo: list[int] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, value in (("num_images", self.num_images), ("batch_size", self.batch_size)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
        if self.todo is None:
            self.todo = list(range(self.num_batches))

    @property
    def num_batches(self) -> int:
        """Number of batches in the data set."""
        return -(-self.num_images // self.batch_size)

    def first_image(self, batch: int) -> int:
        """Index of a batch's first image in the data set."""
        return batch * self.batch_size

    def images_in(self, batch: int) -> int:
        """Number of images in a batch."""
        return min(self.batch_size, self.num_images - self.first_image(batch))

    def share(self, rank: int, ranks: int) -> list[int]:
        """Unfinished batches of one of several ranks; needs no communication."""
        return [batch for batch in self.todo if batch % ranks == rank]
