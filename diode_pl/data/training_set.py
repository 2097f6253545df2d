"""From the images of a data set to training images."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Generator
from torch.utils.data import Dataset

from diode_pl.data.batch import Batch
from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.mosaic import mosaic
from diode_pl.data.readers import Example
from diode_pl.data.tiling import Tiling, tile
from diode_pl.data.wrappers import Relabeled
from diode_pl.targets import Targets


class TrainingSet(Dataset):
    """Images joined by tiling, then by mosaic. All draws follow from the key: no worker keeps a state.

    Args:
        source: the images.
        resolution: of the result in pixels.
        tiling: how many images go into one.
        mosaic: probability of a mosaic, in [0, 1].

    Raises:
        ValueError: if ``mosaic`` is not in [0, 1].
    """

    def __init__(self, source: Relabeled, resolution: int, tiling: Tiling, mosaic: float) -> None:
        if not 0 <= mosaic <= 1:
            raise ValueError(f"mosaic must be in [0, 1], got {mosaic}")
        self.source, self.resolution, self.tiling, self.mosaic = source, resolution, tiling, mosaic

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: SampleKey) -> tuple[Example, int]:
        """The training image of a draw, and a seed for what happens to it later."""
        generator = Generator().manual_seed(key.seed)
        if float(torch.rand(1, generator=generator)) >= self.mosaic:
            example = self._tiled(key.index, generator)
        else:
            others = torch.randint(len(self), (3,), generator=generator).tolist()
            example = mosaic([self._tiled(i, generator) for i in (key.index, *others)], generator)
        # Not the seed of the key: what follows would repeat the draws that were made here.
        return example, int(torch.randint(2**62, (1,), generator=generator))

    def __getitems__(self, keys: Sequence[SampleKey]) -> Batch:
        """This process's part of a step; a loader asks for it instead of for one image after the other."""
        examples, seeds = zip(*[self[key] for key in keys], strict=True)
        return Batch.from_examples(examples, keys[0].step_seed, seeds)

    def tiled(self, key: SampleKey) -> Example:
        """The image of a draw without mosaic."""
        return self._tiled(key.index, Generator().manual_seed(key.seed))

    def _tiled(self, first: int, generator: Generator) -> Example:
        count = self.tiling.draw(generator)
        if count == 1:
            return self.source[first]
        others = torch.randint(len(self), (count - 1,), generator=generator).tolist()
        examples = [self.source[i] for i in (first, *others)]
        images = torch.stack([example.image for example in examples]).float() / 255
        targets = Targets.from_images([(example.boxes, example.labels) for example in examples])
        joined, boxes, labels = tile(images, targets, self.resolution)
        image = (joined.clamp(0, 1) * 255).round().to(torch.uint8)
        return Example(Path(f"{count} tiles"), boxes, labels, (self.resolution, self.resolution), image)
