"""Other views of a data set."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from diode_pl.data.readers import BadImage, Example, ImageSet


class Relabeled(Dataset):
    """A data set in the class numbering of a detector; boxes of classes that the detector lacks are gone.

    Args:
        source: the data set.
        classes: the detector's label of each of its classes, -1 for one that the detector does not have.
    """

    def __init__(self, source: ImageSet, classes: Sequence[int]) -> None:
        self.source, self._classes = source, torch.tensor(classes, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example:
        """Image ``i``.

        Raises:
            BadImage: it cannot be used.
        """
        example = self.source[i]
        if not len(example.labels):
            return example
        labels = self._classes[example.labels]
        known = labels >= 0
        return Example(example.image, example.boxes[known], labels[known], example.size, example.name)


class NoneOnBadImage(Dataset):
    """A data set with None in place of an image that cannot be used.

    Args:
        source: the data set.
    """

    def __init__(self, source: ImageSet | Relabeled) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example | None:
        """Image ``i``, or None.

        Raises:
            ValueError: it was one bad image too many.
        """
        try:
            return self.source[i]
        except BadImage:
            return None
