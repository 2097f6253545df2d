"""Procedurally drawn detection data sets."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from diode_pl.data.readers.base import Example, ImageSet
from diode_pl.provenance import PROXY_IMAGES, REAL_IMAGES
from diode_pl.shapes.backdrop import landscape, pattern, studio
from diode_pl.shapes.far_objects import FAR_OBJECTS
from diode_pl.shapes.objects import OBJECTS
from diode_pl.shapes.palette import Palette
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.scene import Scene, Style, draw_scene

# Append new worlds and splits: the index is part of the key that seeds an image.
_WORLDS = ("shapes", "near", "far")
_SPLITS = ("train", "val", "test")

_NEAR, _FAR = tuple(OBJECTS.values()), tuple(FAR_OBJECTS.values())
_VIVID, _PALE = Palette((0, 1), (0.25, 0.95), (0.3, 1)), Palette((0, 1), (0.15, 0.55), (0.4, 0.9))
_STYLES = {
    "shapes": Style(_NEAR, studio, Palette((0, 1), (0.05, 0.5), (0.2, 0.9)), _VIVID, clutter=3),
    "near": Style(_NEAR, pattern, Palette((0, 1), (0.05, 0.3), (0.55, 1)), _PALE, clutter=2),
    "far": Style(_FAR, landscape, Palette((0, 1), (0.2, 0.8), (0.15, 0.95)), _VIVID, clutter=1),
}


class ShapesWorld(ImageSet):
    """Images of objects that differ by shape only, on textured and cluttered backgrounds.

    Image ``i`` depends on ``seed``, ``split``, ``world`` and ``i``, not on ``size``, and is the same for the same
    version of Pillow. At another ``resolution`` it is the same scene with different sensor noise.

    Args:
        split: ``train``, ``val`` or ``test``, without shared images.
        size: number of images, >= 0.
        resolution: height and width in pixels, >= 32.
        world: ``shapes``; ``near``, the same classes with other backgrounds and colors; ``far``, other classes in other
            scenes.
        seed: >= 0.
        labeled: whether images have boxes.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> world = ShapesWorld("val", size=8, resolution=64)
        >>> world[0].image.shape, world.class_names[:3]
        (torch.Size([3, 64, 64]), ('mug', 'key', 'star'))
    """

    computed = True

    def __init__(
        self,
        split: Literal["train", "val", "test"],
        size: int,
        resolution: int = 160,
        world: Literal["shapes", "near", "far"] = "shapes",
        seed: int = 0,
        labeled: bool = True,
    ) -> None:
        if split not in _SPLITS or world not in _WORLDS:
            raise ValueError(f"split and world must be one of {_SPLITS} and {_WORLDS}, got {split!r} and {world!r}")
        if size < 0 or seed < 0 or resolution < 32:
            raise ValueError(f"size, seed and resolution must be >= 0, 0 and 32, got {size}, {seed} and {resolution}")
        names = tuple(FAR_OBJECTS if world == "far" else OBJECTS)
        # The world of the teacher counts as real, the others as proxies.
        provenance = REAL_IMAGES if world == "shapes" else PROXY_IMAGES
        super().__init__(names if labeled else (), resolution, provenance, max_bad=0)
        self.size, self.seed, self.labeled, self._style = size, seed, labeled, _STYLES[world]
        self._path, self._key = Path(world, split), (_WORLDS.index(world), _SPLITS.index(split))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> Example:
        scene = self.scene(i)
        # numpy, not torch: for a small image, starting torch's threads costs more than the copy.
        image = torch.from_numpy(np.ascontiguousarray(scene.image.transpose(2, 0, 1)))
        boxes, labels = torch.from_numpy(scene.boxes).float(), torch.from_numpy(scene.labels)
        if not self.labeled:
            boxes, labels = boxes[:0], labels[:0]
        return Example(self._path / str(i), boxes, labels, (self.resolution, self.resolution), image)

    def scene(self, i: int) -> Scene:
        """Image ``i`` with the silhouettes of its objects.

        Raises:
            IndexError: if ``i`` is not below ``size``.
        """
        if not 0 <= i < self.size:
            raise IndexError(f"image {i} of {self.size}")
        return draw_scene(PortableRandom(self.seed, *self._key, i), self._style, self.resolution)
