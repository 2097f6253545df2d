"""Training images from the images of a data set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator
from torch.utils.data import Dataset

from diode_pl.data.batch import Batch
from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.mosaic import make_mosaic
from diode_pl.data.readers import Example, ImageSet
from diode_pl.data.readers.base import Part
from diode_pl.data.tiling import Tiling, tile
from diode_pl.targets import Targets


class RelabeledSet(Dataset):
    """A data set with the labels of a detector.

    Args:
        classes: the detector's label for each class of ``source``; -1 drops the boxes of a class.
    """

    def __init__(self, source: ImageSet, classes: Sequence[int]) -> None:
        self.source, self._classes = source, torch.tensor(classes, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example:
        """Image ``i``."""
        example = self.source[i]
        if not len(self._classes):
            return example
        labels = self._classes[example.labels]
        known = labels >= 0
        areas = None if example.areas is None else example.areas[known]
        ignored = None if example.ignored is None else example.ignored.relabel(self._classes)
        return replace(example, boxes=example.boxes[known], labels=labels[known], areas=areas, ignored=ignored)


class TrainingSet(Dataset):
    """Images joined by tiling, then by mosaic. All draws depend on the key only: workers have no state.

    Args:
        resolution: height and width of the result in pixels.
        tiling: how many images are joined into one.
        mosaic: probability of a mosaic, in [0, 1].

    Attributes:
        parts: indices and weight of each set of a union, by which images to join are drawn too; None for other sets.

    Raises:
        ValueError: if ``mosaic`` is not in [0, 1].
    """

    parts: list[tuple[list[int], float]] | None = None

    def __init__(self, source: RelabeledSet, resolution: int, tiling: Tiling, mosaic: float) -> None:
        if not 0 <= mosaic <= 1:
            raise ValueError(f"mosaic must be in [0, 1], got {mosaic}")
        self.source, self.resolution, self.tiling, self.mosaic = source, resolution, tiling, mosaic
        found = dict[Part, list[int]]()
        for i in range(len(source) if len(source) and source.source.part(0).name else 0):
            found.setdefault(source.source.part(i), []).append(i)
        if len(found) > 1:
            self.parts = [(indices, part.weight) for part, indices in found.items()]
            self._weights = torch.empty(len(source))
            for indices, weight in self.parts:
                self._weights[indices] = weight / len(indices)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: SampleKey) -> tuple[Example, int]:
        """The training image of a key, and a seed for its augmentations."""
        generator = Generator().manual_seed(key.seed)
        if float(torch.rand(1, generator=generator)) >= self.mosaic:
            example = self._tiled(key.index, generator)
        else:
            others = self._draw(3, generator)
            example = make_mosaic([self._tiled(i, generator) for i in (key.index, *others)], generator)
        # Not the seed of the key: augmentations would repeat the draws made here.
        return example, int(torch.randint(2**62, (1,), generator=generator))

    def __getitems__(self, keys: Sequence[SampleKey]) -> Batch:
        """This process's part of a batch; loaders prefer it to ``__getitem__``."""
        examples, seeds = zip(*[self[key] for key in keys], strict=True)
        return Batch.from_examples(examples, keys[0].step_seed, seeds)

    def tiled(self, key: SampleKey) -> Example:
        """The image of a key without mosaic."""
        return self._tiled(key.index, Generator().manual_seed(key.seed))

    def _draw(self, count: int, generator: Generator) -> list[int]:
        if self.parts is None:
            return torch.randint(len(self), (count,), generator=generator).tolist()
        return torch.multinomial(self._weights, count, replacement=True, generator=generator).tolist()

    def _tiled(self, first: int, generator: Generator) -> Example:
        count = self.tiling.draw(generator)
        if count == 1:
            return replace(self.source[first], areas=None, ignored=None)  # they are for scores alone
        others = self._draw(count - 1, generator)
        examples = [self.source[i] for i in (first, *others)]
        images = torch.stack([example.image for example in examples]).float() / 255
        targets = Targets.from_images([(example.boxes, example.labels) for example in examples])
        joined, boxes, labels = tile(images, targets, self.resolution)
        image = (joined.clamp(0, 1) * 255).round().to(torch.uint8)
        return Example(Path(f"{count} tiles"), boxes, labels, (self.resolution, self.resolution), image)
