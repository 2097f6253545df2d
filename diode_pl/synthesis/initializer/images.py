"""Initialization from a folder of images."""

import logging
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.io.images import read_image
from diode_pl.io.listing import list_images
from diode_pl.provenance import PROXY_IMAGES
from diode_pl.synthesis.initializer.base import Initializer

log = logging.getLogger(__name__)


class Images(Initializer):
    """Images of a folder, drawn with replacement and mixed with noise; bad ones are skipped, named and counted.

    Args:
        folder: folder of image files; each is resized to a square.
        share: weight of the image in the mix, in [0, 1]; the rest is N(0, 1) noise clipped to [0, 1].

    Raises:
        ValueError: if ``share`` is outside [0, 1]; when called, if no image can be read.

    Example:
        >>> str(Images("photos", share=0.5).provenance)
        'proxy images'
    """

    provenance = PROXY_IMAGES

    def __init__(self, folder: str | Path, share: float = 1.0) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share must be in [0, 1], got {share}")
        self.folder, self.share = folder, share
        self._bad = set[Path]()

    def __call__(self, count: int, resolution: int, generator: Generator) -> Float[Tensor, "n 3 h w"]:
        paths = list_images(self.folder)
        drawn = torch.randint(len(paths), (count,), generator=generator).tolist()
        images = torch.stack([self._read(paths, i, resolution, generator) for i in drawn])
        noise = torch.randn(images.shape, generator=generator).clamp(0, 1)
        return self.share * images + (1 - self.share) * noise

    def _read(self, paths: list[Path], i: int, resolution: int, generator: Generator) -> Float[Tensor, "3 h w"]:
        """Image ``i``, or another drawn one if it is bad."""
        while True:
            if paths[i] not in self._bad:
                try:
                    return read_image(paths[i], resolution)
                except ValueError as error:
                    self._bad.add(paths[i])
                    log.warning("skipped %s (%d so far)", error, len(self._bad))
                    if not {*paths} - self._bad:
                        raise ValueError(
                            f"folder: none of the {len(paths)} images can be read; the last: {error}"
                        ) from error
            i = int(torch.randint(len(paths), (1,), generator=generator))
