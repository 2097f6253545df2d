"""Division of a data set into batches."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Division of a data set into batches.

    Args:
        num_images: size of the data set, >= 1.
        batch_size: images that are made together, >= 1; the last batch may be smaller.

    Raises:
        ValueError: if ``num_images`` or ``batch_size`` is below 1.

    Example:
        >>> plan = Plan(num_images=10, batch_size=4)
        >>> plan.num_batches, plan.first_image(2), plan.images_in(2)
        (3, 8, 2)
    """

    num_images: int
    batch_size: int

    def __post_init__(self) -> None:
        for name, value in (("num_images", self.num_images), ("batch_size", self.batch_size)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}")

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


@dataclass(frozen=True)
class Shard:
    """One of several parts of a plan, each made by a command of its own.

    Args:
        index: of this part, counted from 0.
        count: of the parts, >= 1.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> list(Shard(index=1, count=3).select(range(8)))
        [1, 4, 7]
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if type(self.count) is not int or self.count < 1:
            raise ValueError(f"count must be an integer >= 1, got {self.count!r}")
        if type(self.index) is not int or not 0 <= self.index < self.count:
            raise ValueError(
                f"index must be an integer in [0, {self.count}), as count is {self.count}; got {self.index!r}"
            )

    def select(self, batches: "range | list[int]") -> Iterator[int]:
        """Those of some batches that belong to this part, whatever else is among them."""
        return (batch for batch in batches if batch % self.count == self.index)
