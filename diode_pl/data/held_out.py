"""Validation images that are taken from the training images."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset

from diode_pl.data.cache import ImageSubset
from diode_pl.data.duplicates import group_duplicates, thumbnail
from diode_pl.data.readers import BadFileCounter, ImageSet
from diode_pl.data.readers.subset import write_lists


class HeldOut:
    """Holds out a part of the labeled training images to measure on; nothing is trained on them.

    What is drawn depends on the names of the files and on ``seed`` only. Images that show nearly the same, see
    :func:`group_duplicates`, are never on both sides.

    Args:
        fraction: share of the labeled images that are held out, in (0, 1).
        seed: of the draw, >= 0.
        split: ignored; the training images name theirs.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from diode_pl.shapes import ShapesWorld
        >>> HeldOut(fraction=0.25).draw(ShapesWorld("train", size=8, resolution=64))
        [4, 6]
    """

    def __init__(self, fraction: float = 0.2, seed: int = 0, split: str | None = None) -> None:
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must be in (0, 1), got {fraction}")
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self.fraction, self.seed = fraction, seed

    def of(self, train: ImageSet | None) -> ImageSet:
        """The held-out images before they are drawn: classes, resolution and provenance are those of ``train``.

        Raises:
            ValueError: if there are no training images, or they have no labels.
        """
        if train is None or not train.class_names:
            what = "no training images" if train is None else "training images without labels"
            raise ValueError(f"val: a fraction of labeled training images is to be held out, and there are {what}")
        part = ImageSubset(train, ())
        part.bad_files = BadFileCounter(0)  # bad images are left out, and counted, before the draw
        return part

    def draw(self, images: ImageSet, workers: int = 0) -> list[int]:
        """Indices of the images to hold out.

        Args:
            images: none of which is bad.
            workers: number of reading processes.

        Raises:
            ValueError: if one side would have no image.
        """
        labeled = [i for i in range(len(images)) if images.part(i).labeled]
        paths, thumbnails = [], []
        for example in DataLoader(Subset(images, labeled), batch_size=None, num_workers=workers):
            paths.append(example.path)
            thumbnails.append(thumbnail(example))
        groups = group_duplicates(paths, torch.stack(thumbnails)) if len(paths) > 1 else []
        wanted, drawn = max(1, round(self.fraction * len(labeled))), list[int]()
        for group in sorted(groups, key=lambda group: self._place(min(paths[i].name for i in group))):
            if len(drawn) + len(group) <= min(wanted, len(labeled) - 1):
                drawn += [labeled[i] for i in group]
        if not drawn:
            raise ValueError(
                f"fraction: {self.fraction} of {len(labeled)} labeled training images, {len(groups)} of which differ, "
                "cannot be held out so that both sides have one; another set to measure on, or None, needs none"
            )
        return sorted(drawn)

    def split(self, images: ImageSet, drawn: Sequence[int]) -> tuple[ImageSet, ImageSet]:
        """Those that are left to train on, and those that were ``drawn``."""
        rest = sorted({*range(len(images))} - {*drawn})
        return ImageSubset(images, rest), ImageSubset(images, drawn)

    def _place(self, name: str) -> bytes:
        return hashlib.sha256(f"{self.seed} ".encode() + os.fsencode(name)).digest()


def write_split(parts: tuple[ImageSet, ImageSet], files: set[Path], folder: Path) -> None:
    """Writes the file names of the images of both parts to ``train.txt`` and ``held_out.txt``, for other trainings.

    Args:
        parts: the images trained on, and those held out.
        files: image files of both; others, of generated images, are left out.
    """
    paths = [{part.annotation(i).path for i in range(len(part))} & files for part in parts]
    write_lists(dict(zip((folder / "train.txt", folder / "held_out.txt"), paths, strict=True)))
