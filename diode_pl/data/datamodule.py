"""Training and validation images of a distillation."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Generator
from torch.nn import functional
from torch.utils.data import DataLoader, Subset

from diode_pl.augmentations import Augmentation
from diode_pl.class_names import match_classes
from diode_pl.data.base_datamodule import BaseDataModule
from diode_pl.data.batch import Batch
from diode_pl.data.readers import Example, ImageFiles, ImageSet
from diode_pl.data.tiling import Tiling
from diode_pl.data.training_set import TrainingSet
from diode_pl.data.wrappers import Relabeled
from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


class DetectionData(BaseDataModule):
    """Joins, shuffles, augments and batches the images of a data set in some format.

    Args:
        train: what the student learns from; None measures alone.
        val: labeled images that scores are measured on; None for no scores.
        tiling: how many training images are joined into one.
        augmentations: of training images, each with draws of its own, by name, in order; None leaves one out.
        mosaic: probability that a training image is a mosaic of four, in [0, 1].
        multi_scale: smallest and largest resolution in pixels, drawn anew for each batch; None keeps that of ``train``.
        batch_size: images of one optimizer step, all processes together.
        steps_per_epoch: optimizer steps; None: every image once.
        workers: processes that load images, for each training process.
        cache_gib: a data set is read once if a copy for each training process fits into so much memory.
        seed: of all draws, not negative.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        train: ImageSet | None,
        val: ImageSet | None,
        tiling: Tiling,
        augmentations: Mapping[str, Augmentation | None],
        mosaic: float = 1.0,
        multi_scale: Sequence[int] | None = None,
        batch_size: int = 64,
        steps_per_epoch: int | None = None,
        workers: int = 0,
        cache_gib: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, cache_gib, seed)
        if batch_size < 1 or workers < 0 or cache_gib < 0 or seed < 0 or not 0 <= mosaic <= 1:
            raise ValueError(
                "batch_size, workers, cache_gib, seed and mosaic must be >= 1, >= 0, >= 0, >= 0 and in [0, 1], got "
                f"{batch_size}, {workers}, {cache_gib}, {seed} and {mosaic}"
            )
        if multi_scale is not None and (len(multi_scale) != 2 or not 0 < multi_scale[0] <= multi_scale[1]):
            raise ValueError(f"multi_scale: the smallest and the largest resolution, got {list(multi_scale)}")
        self.train, self.val, self.tiling = train, val, tiling
        self.augmentations = [each for each in augmentations.values() if each is not None]
        self.mosaic, self.multi_scale = mosaic, multi_scale
        self.steps_per_epoch = steps_per_epoch
        self.evaluated: list[int] = []
        self._train_classes: Sequence[int] = range(len(train.class_names)) if train is not None else ()

    @property
    def provenance(self) -> Provenance:
        """What a student has seen because of this data."""
        return self.tiling.provenance if self.train is None else self.train.provenance | self.tiling.provenance

    @property
    def resolution(self) -> int:
        """Of the images that the student learns from, or else of those that it is measured on, in pixels."""
        images = self.val if self.train is None else self.train
        assert images is not None
        return images.resolution

    def check_resolution(self, detectors: Mapping[str, Detector]) -> None:
        """Draws images of such sizes only as all detectors take.

        Args:
            detectors: that look at the images, by what they are: ``teacher``, ``student``.

        Raises:
            ValueError: a resolution does not suit one of them.
        """
        self._sides = InputSize.from_detectors(detectors)
        sides = [] if self.train is None else [("train.resolution", self.train.resolution)]
        sides += [] if self.val is None else [("val.resolution", self.val.resolution)]
        # Without training images, nothing is drawn.
        sides += [] if self.train is None else [("multi_scale", side) for side in self.multi_scale or ()]
        for key, side in sides:
            self._sides.check(key, side)

    def match_classes(self, class_names: Sequence[str]) -> None:
        """Renumbers labels as a detector does, and warns of classes that it does not have.

        Args:
            class_names: of the detector.

        Raises:
            ValueError: none of the classes of ``val`` is one of the detector's.
        """
        self._class_names = tuple(class_names)
        if self.train is not None:
            self._train_classes = match_classes(self.train.class_names, class_names)
        if self.val is None:
            return
        self._val_classes = match_classes(self.val.class_names, class_names)
        self.evaluated = sorted({label for label in self._val_classes if label >= 0})
        if not self.evaluated:
            raise ValueError(
                f"val: none of its classes {list(self.val.class_names)} is one of the detector's "
                f"{list(class_names)}; None for no scores"
            )
        _warn_of_unknown_classes("val", self.val, self._val_classes)
        if isinstance(self.val, ImageFiles) and (shared := self.val.count_shared_files(self.train)):
            log.warning("val: %d of %d images are training images, which flatters the scores", shared, len(self.val))

    def require_labels(self, readers: Sequence[str]) -> None:
        """Checks that training images have labels, after :meth:`match_classes`.

        Args:
            readers: names of the losses that read them.

        Raises:
            ValueError: they have none of a class of the detector.
        """
        assert self.train is not None
        if not any(label >= 0 for label in self._train_classes):
            raise ValueError(
                f"train and losses: {', '.join(readers)} needs labels, and the training set has none of a class of the "
                f"detector: its classes are {list(self.train.class_names)}, the detector's {list(self._class_names)}. "
                "A label_source of the teacher takes what that finds; a weight of 0 leaves a loss out"
            )
        _warn_of_unknown_classes("train", self.train, self._train_classes)

    def setup(self, stage: str) -> None:
        """Opens the data sets and reads into memory what fits; Lightning calls it on every rank."""
        if stage == "fit":
            self._training = self.training_set()
        if self.val is not None:
            self._validation = self._validation_set()

    def training_set(self) -> TrainingSet:
        """Opens the training images; in the data set's own numbering before :meth:`match_classes`."""
        assert self.train is not None
        source = Relabeled(self._open(self.train, "training images"), self._train_classes)
        return TrainingSet(source, self.train.resolution, self.tiling, self.mosaic)

    def train_dataloader(self) -> DataLoader:
        """Batches of one epoch; this process's part of each."""
        return self._epoch_loader(self._training, self.steps_per_epoch, _pass_batch)

    def val_dataloader(self) -> DataLoader | list:
        """Batches of this process's part of the validation images."""
        if self.val is None:
            return []
        rank, world_size = self._rank_and_world_size
        if len(self._validation) < world_size:  # a process without images would keep the others waiting
            raise ValueError(
                f"val: it holds {len(self._validation)} images, fewer than there are processes, {world_size}"
            )
        own = Subset(self._validation, range(rank, len(self._validation), world_size))
        size = max(1, self.batch_size // world_size)
        return DataLoader(own, batch_size=size, num_workers=self.workers, collate_fn=Batch.from_examples)

    def validation_examples(self, count: int) -> list[Example]:
        """At most ``count`` validation images, spread evenly, labels in the detector's numbering."""
        images = self._validation_set()
        shown = min(count, len(images))
        return [images[(2 * i + 1) * len(images) // (2 * shown)] for i in range(shown)]

    def _validation_set(self) -> Relabeled:
        assert self.val is not None
        return Relabeled(self._open(self.val, "validation images"), self._val_classes)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Scales pixels to [0, 1] and augments training batches, on whatever device they are."""
        batch = batch.to_float()
        if batch.seed is None:
            return batch
        seed, batch = batch.seed, batch.augment(self.augmentations)
        images = batch.images.clamp(0, 1)
        if self.multi_scale is not None:
            low, high = (side // self._sides.step for side in self.multi_scale)
            drawn = torch.randint(low, high + 1, (1,), generator=Generator().manual_seed(seed))
            side = int(drawn) * self._sides.step
            if side != images.shape[-1]:
                images = functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
        return replace(batch, images=images.contiguous(memory_format=torch.channels_last))


def _pass_batch(batch: Any) -> Any:  # the set makes whole batches
    return batch


def _warn_of_unknown_classes(key: str, source: ImageSet, classes: Sequence[int]) -> None:
    unknown = [name for name, label in zip(source.class_names, classes, strict=True) if label < 0]
    if unknown:
        log.warning("%s: the detector has no such class, their boxes are left out: %s", key, ", ".join(unknown))
