"""Views of a data set."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.utils.data import Dataset

from diode_pl.data.readers import Example, ImageSet


class Relabeled(Dataset):
    """A data set in the class numbering of a detector, without boxes of classes that the detector lacks.

    Args:
        source: the data set.
        classes: the detector's label for each of its classes, -1 for a class that the detector does not have.
    """

    def __init__(self, source: ImageSet, classes: Sequence[int]) -> None:
        self.source, self._classes = source, torch.tensor(classes, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example:
        """Image ``i``."""
        example = self.source[i]
        if not len(example.labels):
            return example
        labels = self._classes[example.labels]
        known = labels >= 0
        return replace(example, boxes=example.boxes[known], labels=labels[known])
