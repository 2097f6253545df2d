"""Which images belong to which batch, and which batch to whom."""

from dataclasses import dataclass


@dataclass
class Plan:
    """A data set in batches, the items of work.

    Args:
        num_images: in the whole data set.
        batch_size: images optimized together; the last batch may be smaller.
        todo: numbers of the batches that are still to be made; all when not given.

    Raises:
        ValueError: a number is below 1.
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
        """Batches in the whole data set."""
        return -(-self.num_images // self.batch_size)

    def first_image(self, batch: int) -> int:
        """Number of the first image of a batch in the whole data set."""
        return batch * self.batch_size

    def images_in(self, batch: int) -> int:
        """Images in a batch."""
        return min(self.batch_size, self.num_images - self.first_image(batch))

    def share(self, rank: int, ranks: int) -> list[int]:
        """The batches to be made by one of several ranks; it needs no word from the others."""
        return [batch for batch in self.todo if batch % ranks == rank]
