"""Images of noise."""

from pathlib import Path

import numpy as np
import torch

from diode_pl.data.readers.base import Example, ImageSet
from diode_pl.provenance import NOISE


class UniformNoise(ImageSet):
    """Uniform, independent pixel values, as a baseline.

    Args:
        size: number of images, >= 1.
        resolution: height and width in pixels, >= 1.
        split: part of the seed: splits share no images.
        seed: >= 0.

    Raises:
        ValueError: if a number is out of range.

    Source: Chawla et al., WACV 2021, table 3, "random noise".

    Example:
        >>> noise = UniformNoise(size=10, resolution=64)
        >>> len(noise), noise[9].image.shape
        (10, torch.Size([3, 64, 64]))
    """

    computed = True

    def __init__(self, size: int, resolution: int, split: str = "train", seed: int = 0) -> None:
        super().__init__((), resolution, NOISE, 0)
        if size < 1 or seed < 0:
            raise ValueError(f"size and seed must be >= 1 and >= 0, got {size} and {seed}")
        self.size, self._key = size, (seed, *split.encode())

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> Example:
        if not 0 <= i < self.size:
            raise IndexError(f"image {i} of {self.size}")
        drawn = np.random.default_rng((*self._key, i)).integers(0, 256, (3, self.resolution, self.resolution), np.uint8)
        no_boxes, size = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)), (self.resolution, self.resolution)
        return Example(Path(f"noise {i}"), *no_boxes, size, torch.from_numpy(drawn))
