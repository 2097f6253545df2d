"""The LightningModule that trains a classifier of object crops."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from diode_pl.classification.datamodule import CropData, Crops
from diode_pl.classifier import ClassificationLoss, ClassifierCard, CropClassifier, encode_classifier, output_form
from diode_pl.dashboard import log_numbers
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.io.atomic import atomic_write
from diode_pl.provenance import Provenance
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class Classification(TrainingModule):
    """Trains a classifier of crops, the classification teacher of DICOD.

    Args:
        classifier: factory; takes ``class_names``, ``kind`` and ``crop_size``, which follow from data and losses.
        losses: losses by name; None or a weight of 0 disables one. Losses for softmax and for sigmoid together train
            logits for both.
        data: training and held-out crops.
        label_source: which boxes count as objects; None uses those of the data set.
        teacher: the detector that ``label_source`` uses; without one, agreement is not checked.
        recipe, log_every: see :class:`TrainingModule`, also for attributes.

    Attributes:
        scores: latest ``accuracy`` on the held-out crops, and ``macro_accuracy``, its mean over the classes with a
            training crop.
        per_class: latest accuracy by class name; None for a class without a held-out crop.
        counts: numbers of images and crops, see :class:`CropData`.
        untrained: names of the classes without a training crop.
        split: settings that decide which crops are held out, as plain data.
        outside: whether it was trained, here or before, on images that were not synthesized from a teacher.

    Raises:
        ValueError: if no loss is enabled, the data has only one class, or the teacher is missing or has random
            weights.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1.

    Example:
        >>> from diode_pl.classifier import CrossEntropy
        >>> from diode_pl.shapes import ShapesWorld
        >>> data = CropData(ShapesWorld("train", size=4, resolution=64), crop_size=32)
        >>> Classification(CropClassifier, {"ce": CrossEntropy()}, Recipe(torch.optim.SGD), data).kind
        'softmax'
    """

    part = "classification"
    kept = ("history", "scores", "per_class", "counts", "untrained", "split", "outside")

    def __init__(
        self,
        classifier: Callable[..., CropClassifier],
        losses: Mapping[str, ClassificationLoss | None],
        recipe: Recipe,
        data: CropData,
        label_source: LabelPolicy | None = None,
        teacher: Detector | None = None,
        log_every: int = 10,
    ) -> None:
        super().__init__(recipe, log_every)
        if len(data.class_names) < 2:
            raise ValueError(f"train: a classifier needs two classes, the images have only one, {data.class_names[0]}")
        active = {name: loss for name, loss in losses.items() if loss is not None and loss.weight > 0}
        self.kind = output_form(list(active.values()))
        self.losses, self.data = nn.ModuleDict(active), data
        self.scores, self.per_class = dict[str, float](), dict[str, float | None]()
        self.counts, self.untrained, self.split = dict[str, int](), list[str](), dict[str, Any]()
        self._last_validation = -1  # epoch
        self.label_source = label_source or LabelPolicy()
        self.teacher_sha256 = self._use_teacher(teacher)
        of_data = data.train.provenance_with_labels(read=self.label_source.reads_data)
        self.outside = not of_data.teacher  # of the images: a teacher that only labels does not count
        self.provenance = of_data | Provenance(teacher=self.teacher_sha256 is not None)
        network = classifier(class_names=data.class_names, kind=self.kind, crop_size=data.crop_size)
        self.classifier: CropClassifier = network.to(memory_format=torch.channels_last)
        self.confusion = MulticlassConfusionMatrix(len(data.class_names))

    @property
    def terms(self) -> dict[str, ClassificationLoss]:
        """The enabled losses by name."""
        return {name: loss for name, loss in self.losses.items() if isinstance(loss, ClassificationLoss)}

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "classifier", self.classifier

    def on_fit_start(self) -> None:
        """Copies the counts of the data, and resets scores that a checkpoint has of other crops."""
        self.scores, self.per_class = {}, {}
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.counts, self.untrained = dict(data.counts), list(data.untrained)

    def training_step(self, batch: Crops, batch_idx: int) -> Tensor:
        """Returns the weighted sum of the losses on one batch, scaled for the batch size."""
        crops, labels = batch
        logits = self.classifier(crops).float()
        terms = {name: loss(logits, labels) for name, loss in self.terms.items()}
        total = torch.stack([self.terms[name].weight * term for name, term in terms.items()]).sum()
        row = {f"loss/{name}": term.detach() for name, term in (terms | {"total": total}).items()}
        right = (logits.detach().argmax(dim=1) == labels).float().mean()
        self.log_step(row, batch_idx, {"train/accuracy": right})
        return self.scale_loss(total, len(crops))

    def take_scores(self) -> dict[str, float]:
        return self.scores if self._last_validation == self.current_epoch else {}

    def validation_step(self, batch: Crops, batch_idx: int) -> None:
        crops, labels = batch
        self.confusion.update(self.classifier(crops).argmax(dim=1), labels)

    def on_validation_epoch_end(self) -> None:
        """Computes and logs the accuracy on the held-out crops of all processes."""
        confusion = self.confusion.compute().double().cpu()  # rows are the truth
        self.confusion.reset()
        total, correct = confusion.sum(dim=1), confusion.diag()
        rates = zip(self.classifier.class_names, (correct / total).tolist(), total.tolist(), strict=True)
        per_class = {name: rate if count else None for name, rate, count in rates}
        # A class without a training crop cannot be recognized, and is not taught.
        trained = [rate for name, rate in per_class.items() if rate is not None and name not in self.untrained]
        if not trained:
            return
        self.per_class = per_class
        self.scores = {"accuracy": float(correct.sum() / total.sum()), "macro_accuracy": sum(trained) / len(trained)}
        self._last_validation = self.current_epoch
        values = {f"val/{name}": value for name, value in self.scores.items()}
        self.log_dict(values, logger=False, sync_dist=True)
        log_numbers(self.loggers, values | {"epoch": float(self.current_epoch)}, self.trainer.global_step)
        self.log("accuracy", self.scores["accuracy"], prog_bar=True, logger=False, sync_dist=True)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restores a checkpoint, combining the data access of both trainings."""
        outside, split = self.outside, self.split
        super().on_load_checkpoint(checkpoint)
        self.outside |= outside
        self.split = split

    def save(self, path: str | Path) -> None:
        """Writes the classifier and its metadata as a .safetensors file; raises a ValueError if it is not finite."""
        record = ClassifierCard(
            self.provenance,
            self.scores.get("accuracy"),
            self.scores.get("macro_accuracy"),
            self.per_class,
            tuple(self.untrained),
            self.outside,
        )
        atomic_write(Path(path), encode_classifier(self.classifier, record))

    def _use_teacher(self, teacher: Detector | None) -> str | None:
        """Passes the teacher to the data if ``label_source`` needs it, and returns the hash of its weights."""
        if not self.label_source.needs_teacher:
            return None
        if teacher is not None:
            teacher.require_trained("teacher")
            self.data.use_teacher(self.label_source, teacher)
            return teacher.fingerprint()
        if self.label_source.source != "sampled":
            raise ValueError("label_source and teacher: labels need a teacher, got None; source=sampled needs none")
        log.info("without a teacher every labeled object counts, and agreement of label_source has no effect")
        return None
