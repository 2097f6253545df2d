"""The DataModule of training and held-out crops."""

import logging
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from diode_pl.classification.crops import (
    CropAugmentation,
    CropSet,
    balance_classes,
    collate_crops,
    find_objects,
    split_by_image,
)
from diode_pl.classification.teacher_labels import TeacherLabeler
from diode_pl.data.base_datamodule import BaseDataModule
from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.data.readers import ImageSet
from diode_pl.detector import Detector
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets

log = logging.getLogger(__name__)

Crops = tuple[Tensor, Tensor]


class CropData(BaseDataModule):
    """Cuts the labeled objects out of the images of a data set; some images are held out for validation.

    Args:
        train: labeled images; None raises.
        crop_size: height and width of the crops in pixels, >= 8.
        held_out: share of the images that are held out, in [0, 1).
        batch_size: crops per optimizer step, of all processes together.
        balanced: draws every class equally often; False draws every crop equally often.
        jitter, flip, color: see :class:`CropAugmentation`.
        min_pixels: minimum width and height of an object in pixels of the images, >= 1; smaller ones are left out.
        steps_per_epoch: optimizer steps, >= 1; None: the number of batches of training crops.
        workers: processes that cut crops, per training process.
        cache_gib: the images are read once if a copy per training process fits into this much memory.
        seed: random seed, >= 0.

    Attributes:
        counts: after setup: ``images``, ``held_out_images``, ``crops``, ``held_out_crops``, ``too_small``; after
            :meth:`use_teacher` also ``sampled``, ``dropped`` and ``added`` objects.
        untrained: after setup: names of the classes without a training crop.

    Raises:
        ValueError: a number is out of range, or the images have no labels.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1; balance, jitter and held-out images are ours.

    Example:
        >>> from diode_pl.shapes import ShapesWorld
        >>> data = CropData(ShapesWorld("val", size=8, resolution=64), crop_size=32)
        >>> data.setup("fit")
        >>> data.counts["images"], data.counts["held_out_images"]
        (6, 2)
    """

    def __init__(
        self,
        train: ImageSet | None,
        crop_size: int = 64,
        held_out: float = 0.2,
        batch_size: int = 64,
        balanced: bool = True,
        jitter: float = 0.1,
        flip: float = 0.5,
        color: float = 0.2,
        min_pixels: int = 8,
        steps_per_epoch: int | None = None,
        workers: int = 0,
        cache_gib: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, cache_gib, seed, steps_per_epoch)
        if min_pixels < 1 or crop_size < 8:
            raise ValueError(f"min_pixels and crop_size must be >= 1 and 8, got {min_pixels} and {crop_size}")
        if not 0 <= held_out < 1:
            raise ValueError(f"held_out must be in [0, 1), got {held_out}")
        if train is None or not train.class_names:
            raise ValueError(
                "train: crops need labeled boxes, and there are none. Take labeled images, even where the teacher "
                "labels them: the names of the classes are the data's"
            )
        self.changes = CropAugmentation(jitter, flip, color)
        self.changes.check()
        self.train, self.crop_size, self.held_out = train, crop_size, held_out
        self.balanced, self.min_pixels = balanced, min_pixels
        self.counts, self.untrained = dict[str, int](), tuple[str, ...]()
        self._parts: tuple[Targets, Targets] | None = None
        self._opinion: TeacherLabeler | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names of the data set, by label."""
        return self.train.class_names

    @property
    def provenance(self) -> Provenance:
        """Data access level that training on these images adds."""
        return self.train.provenance

    def use_teacher(self, label_source: LabelPolicy, teacher: Detector) -> None:
        """Selects the objects by :class:`TeacherLabeler`, which may raise, when the data are set up."""
        self._opinion = TeacherLabeler(label_source, teacher, self.train)

    def setup(self, stage: str) -> None:
        """Reads the annotations and splits them by image.

        Raises:
            ValueError: if no object is left.
        """
        if self._parts is not None:
            return
        self._source = self._open(self.train, "training images")
        every, asked = self._labeled()
        # In units of the image, whole pixels are not exact.
        shorter = (every.boxes[:, 2:] - every.boxes[:, :2]).amin(dim=1) * self.train.resolution + 1e-3
        large = shorter >= self.min_pixels
        objects = every.select(large)
        if not len(objects):
            raise ValueError(
                f"train: none of the {len(every)} labeled objects in {len(self.train)} images is {self.min_pixels} "
                "pixels wide and high; lower min_pixels or raise resolution"
            )
        self._parts = split_by_image(objects, self.held_out, self.seed)
        train, held_out = self._parts
        self.counts = asked | {
            "images": len(train.image_index.unique()),
            "held_out_images": len(held_out.image_index.unique()),
            "crops": len(train),
            "held_out_crops": len(held_out),
            "too_small": len(every) - len(objects),
        }
        self.untrained = self._without(train)
        if self._rank_and_world_size[0] == 0:
            self._report()

    def train_dataloader(self) -> DataLoader:
        """Returns the training crops of one epoch; this process's part of each batch."""
        objects, _ = self._objects()
        order = balance_classes(objects.labels, len(self.class_names)) if self.balanced else None
        crops = CropSet(self._source, objects, self.crop_size, order, self.changes)
        # By the number of crops, not of the repetitions that balance them.
        steps = self.steps_per_epoch or max(1, len(objects) // self.batch_size)
        return self._epoch_loader(crops, steps, collate_crops)

    def val_dataloader(self) -> DataLoader | list:
        """Returns this process's part of the held-out crops, without augmentation."""
        _, objects = self._objects()
        rank, world_size = self._rank_and_world_size
        if not len(objects):
            return []
        if len(objects) < world_size:  # a process without crops would keep the others waiting
            raise ValueError(f"held_out: {len(objects)} crops are held out, fewer than the {world_size} processes")
        own: Any = [SampleKey(i, 0) for i in range(rank, len(objects), world_size)]
        size, crops = max(1, self.batch_size // world_size), CropSet(self._source, objects, self.crop_size)
        return DataLoader(crops, size, sampler=own, num_workers=self.workers, collate_fn=collate_crops)

    def held_out_crops(self, limit: int) -> Crops | None:
        """Returns at most ``limit`` held-out crops, class by class, balanced and spread over images; None if none."""
        _, objects = self._objects()
        own = [torch.nonzero(objects.labels == label).squeeze(1) for label in objects.labels.unique()]
        count = max(1, limit // max(1, len(own)))
        chosen = [each[torch.arange(min(count, len(each))) * len(each) // min(count, len(each))] for each in own]
        crops = CropSet(self._source, objects, self.crop_size)
        found = [crops[SampleKey(int(i), 0)] for each in chosen[:limit] for i in each]
        return self.on_after_batch_transfer(collate_crops(found), 0) if found else None

    def on_after_batch_transfer(self, batch: Crops, dataloader_idx: int) -> Crops:
        """Converts crops to ``channels_last``, the fastest layout for convolutions."""
        crops, labels = batch
        return crops.to(memory_format=torch.channels_last), labels

    def _labeled(self) -> tuple[Targets, dict[str, int]]:
        """Returns the objects, and the counts of :class:`TeacherLabeler`."""
        if self._opinion is None:
            return find_objects(self._source), {}
        opinion, device = self._opinion, self.trainer.strategy.root_device if self.trainer else "cpu"
        return self._compute_on_first_rank(lambda: opinion.find_objects(self._source, device, self.workers))

    def _objects(self) -> tuple[Targets, Targets]:
        assert self._parts is not None, "setup comes first"
        return self._parts

    def _without(self, objects: Targets) -> tuple[str, ...]:
        counts = objects.labels.bincount(minlength=len(self.class_names)).tolist()
        return tuple(name for name, count in zip(self.class_names, counts, strict=True) if not count)

    def _report(self) -> None:
        _, held_out = self._objects()
        log.info(
            "%(crops)d crops of %(images)d images to train on, %(held_out_crops)d of %(held_out_images)d held out; "
            "%(too_small)d objects are too small",
            self.counts,
        )
        unmeasured = [name for name in self._without(held_out) if len(held_out) and name not in self.untrained]
        if self.untrained:
            log.warning("train: no crop to learn these classes from: %s", ", ".join(self.untrained))
        if unmeasured:
            log.warning("train: no crop of these classes is held out: %s", ", ".join(unmeasured))
