"""Training and validation images of a distillation."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.nn import Identity
from torch.utils.data import DataLoader, Subset

from diode_pl.augmentations import Augmentation
from diode_pl.class_names import match_classes
from diode_pl.data.base_datamodule import BaseDataModule
from diode_pl.data.batch import Batch
from diode_pl.data.held_out import HeldOut, write_split
from diode_pl.data.readers import Example, ImageSet
from diode_pl.data.tiling import Tiling
from diode_pl.data.training_set import RelabeledSet, TrainingSet
from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


class DetectionData(BaseDataModule):
    """Tiles, shuffles, augments and batches the images of data sets.

    Args:
        train: training images; None only evaluates.
        val: labeled images for the scores, or which of ``train`` to hold out; None for no scores.
        tiling: how many training images are joined into one.
        augmentations: of training images, by name, in order; None removes one.
        mosaic: probability that a training image is a mosaic of four, in [0, 1].
        multi_scale: minimum and maximum resolution in pixels, drawn per batch; None keeps that of ``train``.
        batch_size, workers, cache_gib, seed, steps_per_epoch: see :class:`BaseDataModule`.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from diode_pl.data.readers import UniformNoise; from diode_pl.data.tiling import Fixed
        >>> data = DetectionData(UniformNoise(size=8, resolution=64), None, Fixed(tiles=1), {}, batch_size=4)
        >>> data.setup("fit")
        >>> [tuple(batch.images.shape) for batch in data.train_dataloader()]
        [(4, 3, 64, 64), (4, 3, 64, 64)]
    """

    def __init__(
        self,
        train: ImageSet | None,
        val: ImageSet | HeldOut | None,
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
        super().__init__(batch_size, workers, cache_gib, seed, steps_per_epoch)
        if not 0 <= mosaic <= 1:
            raise ValueError(f"mosaic must be in [0, 1], got {mosaic}")
        if multi_scale is not None and (len(multi_scale) != 2 or not 0 < multi_scale[0] <= multi_scale[1]):
            raise ValueError(f"multi_scale: the smallest and the largest resolution, got {list(multi_scale)}")
        self.train, self.tiling, self._held_out = train, tiling, val if isinstance(val, HeldOut) else None
        self.val = val.of(train) if isinstance(val, HeldOut) else val
        self._split: tuple[ImageSet, ImageSet] | None = None
        self.augmentations = [each for each in augmentations.values() if each is not None]
        self.mosaic, self.multi_scale = mosaic, multi_scale
        self.evaluated: list[int] = []
        self._train_classes: Sequence[int] = range(len(train.class_names)) if train is not None else ()

    @property
    def provenance(self) -> Provenance:
        """Data access level that training on these images adds."""
        return self.tiling.provenance if self.train is None else self.train.provenance | self.tiling.provenance

    def provenance_with_labels(self, read: bool) -> Provenance:
        """The same, and that of the labels if they are ``read``."""
        return self.provenance if self.train is None else self.provenance | self.train.provenance_with_labels(read)

    @property
    def resolution(self) -> int:
        """Height and width of the training images in pixels, or of the validation images if there are none."""
        images = self.val if self.train is None else self.train
        assert images is not None
        return images.resolution

    def check_resolution(self, detectors: Mapping[str, Detector]) -> None:
        """Restricts ``multi_scale`` to sizes that all detectors, by role (``teacher``, ``student``), support.

        Raises:
            ValueError: if a detector does not support a resolution.
        """
        self._sides = InputSize.from_detectors(detectors)
        for key, images in (("train", self.train), ("val", self.val)):
            if images is not None:
                self._sides.check(f"{key}.resolution", images.resolution)
        for side in self.multi_scale or () if self.train is not None else ():
            self._sides.check("multi_scale", side)

    def match_classes(self, class_names: Sequence[str]) -> None:
        """Maps labels to the ``class_names`` of a detector, and warns of classes that it does not have.

        Raises:
            ValueError: if the detector has none of the classes of ``val``.
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
                f"{list(class_names)}; val=None for no scores"
            )
        _warn_of_unknown_classes("val", self.val, self._val_classes)
        if self.train is not None and (shared := len(self.val.files() & self.train.files())):
            log.warning("val: %d of %d images are training images, which flatters the scores", shared, len(self.val))

    def require_labels(self, readers: Sequence[str], everywhere: bool = True) -> None:
        """Checks, after :meth:`match_classes`, that training images have labels for the losses ``readers``.

        Args:
            everywhere: whether each set of a union must have labels; False if a teacher adds its own.

        Raises:
            ValueError: if they have no class of the detector.
        """
        assert self.train is not None
        if not any(label >= 0 for label in self._train_classes):
            raise ValueError(
                f"train and losses: {', '.join(readers)} needs labels, and the training set has none of a class of the "
                f"detector: its classes are {list(self.train.class_names)}, the detector's {list(self._class_names)}. "
                "Use a label_source with teacher labels, or set the loss weight to 0"
            )
        if everywhere and (bare := self.train.unlabeled()):
            raise ValueError(
                f"train and losses: {', '.join(readers)} needs labels, which {', '.join(bare)} of the sets has not; a "
                "label_source of the teacher, or the union, adds them"
            )
        _warn_of_unknown_classes("train", self.train, self._train_classes)

    def setup(self, stage: str) -> None:
        """Opens the data sets and caches those that fit."""
        if stage == "fit":
            self._training = self.open_training_set()
        if self.val is not None:
            self._validation = self.open_validation_set()

    def open_training_set(self) -> TrainingSet:
        """Opens the training images; before :meth:`match_classes` with the labels of the data set."""
        assert self.train is not None
        images = self._split_training()[0] if self._held_out else self._open(self.train, "training images")
        source = RelabeledSet(images, self._train_classes)
        return TrainingSet(source, self.train.resolution, self.tiling, self.mosaic)

    def train_dataloader(self) -> DataLoader:
        """This rank's part of the training batches."""
        whole = Identity()  # the set returns whole batches
        return self._epoch_loader(self._training, self.steps_per_epoch, whole, self._training.parts)

    def val_dataloader(self) -> DataLoader | list:
        """This rank's part of the validation images, in batches."""
        if self.val is None:
            return []
        rank, world_size = self._rank_and_world_size
        if len(self._validation) < world_size:  # a process without images would keep the others waiting
            raise ValueError(f"val: {len(self._validation)} images are fewer than the {world_size} processes")
        own = Subset(self._validation, range(rank, len(self._validation), world_size))
        size = max(1, self.batch_size // world_size)
        return DataLoader(own, size, num_workers=self.workers, collate_fn=Batch.from_examples)

    def validation_examples(self, count: int) -> list[Example]:
        """At most ``count`` validation images, spread evenly, with the labels of the detector."""
        images = self.open_validation_set()
        shown = min(count, len(images))
        return [images[(2 * i + 1) * len(images) // (2 * shown)] for i in range(shown)]

    def open_validation_set(self) -> RelabeledSet:
        """Opens the validation images, with the labels of the detector."""
        assert self.val is not None
        images = self._split_training()[1] if self._held_out else self._open(self.val, "validation images")
        return RelabeledSet(images, self._val_classes)

    def _split_training(self) -> tuple[ImageSet, ImageSet]:
        if self._split is None:
            assert self.train is not None and (held_out := self._held_out) is not None
            images = self._open(self.train, "training images")
            chosen = self._compute_on_first_rank(lambda: held_out.draw(images, self.workers))
            self._split = held_out.split(images, chosen)
        return self._split

    def list_held_out(self, folder: Path) -> None:
        """Writes which images are held out from the training images, if any; see :func:`write_split`."""
        if self._held_out is not None and self.train is not None:
            write_split(self._split_training(), self.train.files(), folder)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Scales pixels to [0, 1] and augments training batches, on their device."""
        batch = batch.to_float()
        if batch.seed is None:
            return batch
        batch = batch.augment(self.augmentations).clamp()
        if self.multi_scale is None:
            return batch
        low, high = self.multi_scale
        return batch.resize(low, high, self._sides.step)


def _warn_of_unknown_classes(key: str, source: ImageSet, classes: Sequence[int]) -> None:
    unknown = [name for name, label in zip(source.class_names, classes, strict=True) if label < 0]
    if unknown:
        log.warning("%s: the detector has no such class, their boxes are left out: %s", key, ", ".join(unknown))
