"""A classifier learns from the crops of labeled objects."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from diode_pl.classification.datamodule import CropData, Crops
from diode_pl.classifier import ClassificationLoss, ClassifierCard, CropClassifier, encode_classifier, output_form
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.io.atomic import atomic_write
from diode_pl.provenance import Provenance
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class Classification(TrainingModule):
    """Trains a classifier of crops, the teacher of a distillation that asks what an object is.

    Args:
        classifier: makes the network from ``class_names``, ``kind`` and ``crop_size``, which data and losses decide.
        losses: terms by name; None or a weight of 0 leaves one out. Terms for softmax and for sigmoid heads together
            make a classifier that serves both.
        recipe: optimizer and learning rate schedule.
        data: what it is trained and measured on.
        label_source: which boxes count as objects; those of the data set when not given.
        teacher: the detector that ``label_source`` asks; without one, agreement is not looked for.
        log_every: steps between two rows of the log.

    Attributes:
        history: an entry an epoch: losses, learning rate, accuracy, seconds.
        scores: ``accuracy`` and ``macro_accuracy``, the mean over the classes with a training crop, on the held-out
            crops; the latest of this training.
        per_class: the latest accuracy by class name; None for a class without a held-out crop.
        counts: images and crops, as :class:`CropData` counts them.
        untrained: classes without a training crop, by name.
        split: settings that decide which crops are held out, as plain data.
        provenance: what the classifier has seen; a checkpoint adds what it saw before.
        outside: whether it learned from images that were not made from a teacher, here or before a checkpoint.

    Raises:
        ValueError: no loss is left, the data has only one class, or the teacher is missing or has random weights.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1.
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
            raise ValueError(
                f"train: a classifier tells classes from one another, and the images have only one, "
                f"{data.class_names[0]}"
            )
        active = {name: loss for name, loss in losses.items() if loss is not None and loss.weight > 0}
        self.kind = output_form(list(active.values()))
        self.losses, self.data = nn.ModuleDict(active), data
        self.scores, self.per_class = dict[str, float](), dict[str, float | None]()
        self.counts, self.untrained, self.split = dict[str, int](), list[str](), dict[str, Any]()
        self._measured_in = -1
        self.label_source = label_source or LabelPolicy()
        self.teacher_sha256 = self._use_teacher(teacher)
        seen = data.provenance.with_labels(read=self.label_source.reads_data)
        self.outside = not seen.teacher  # to be asked of labels makes no image
        self.provenance = seen | Provenance(teacher=self.teacher_sha256 is not None)
        made = classifier(class_names=data.class_names, kind=self.kind, crop_size=data.crop_size)
        self.classifier: CropClassifier = made.to(memory_format=torch.channels_last)
        self.confusion = MulticlassConfusionMatrix(len(data.class_names))

    @property
    def terms(self) -> dict[str, ClassificationLoss]:
        """The losses with a weight, by name."""
        return {name: loss for name, loss in self.losses.items() if isinstance(loss, ClassificationLoss)}

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "classifier", self.classifier

    def on_fit_start(self) -> None:
        """Notes what there is to learn from, and forgets what a checkpoint tells of other crops."""
        self.scores, self.per_class = {}, {}
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.counts, self.untrained = dict(data.counts), list(data.untrained)

    def training_step(self, batch: Crops, batch_idx: int) -> Tensor:
        """The weighted sum of the losses on one batch."""
        crops, labels = batch
        logits = self.classifier(crops).float()
        terms = {name: loss(logits, labels) for name, loss in self.terms.items()}
        total = torch.stack([self.terms[name].weight * term for name, term in terms.items()]).sum()
        row = {f"loss/{name}": term.detach() for name, term in (terms | {"total": total}).items()}
        right = (logits.detach().argmax(dim=1) == labels).float().mean()
        self.log_step(row, batch_idx, {"train/accuracy": right})
        return self.scale_loss(total, len(crops))

    def take_scores(self) -> dict[str, float]:
        return self.scores if self._measured_in == self.current_epoch else {}

    def validation_step(self, batch: Crops, batch_idx: int) -> None:
        """Counts which class each held-out crop is taken for."""
        crops, labels = batch
        self.confusion.update(self.classifier(crops).argmax(dim=1), labels)

    def on_validation_epoch_end(self) -> None:
        """The accuracy on all held-out crops, those of all processes."""
        taken = self.confusion.compute().double().cpu()  # rows are the truth
        self.confusion.reset()
        shown, right = taken.sum(dim=1), taken.diag()
        rates = zip(self.classifier.class_names, (right / shown).tolist(), shown.tolist(), strict=True)
        per_class = {name: rate if count else None for name, rate, count in rates}
        # A class without a training crop cannot be told, and is not taught.
        counting = [rate for name, rate in per_class.items() if rate is not None and name not in self.untrained]
        if not counting:
            return
        self.per_class = per_class
        self.scores = {
            "accuracy": float(right.sum() / shown.sum()),
            "macro_accuracy": sum(counting) / len(counting),
        }
        self._measured_in = self.current_epoch
        self.log_dict({f"val/{name}": value for name, value in self.scores.items()}, sync_dist=True)
        self.log("accuracy", self.scores["accuracy"], prog_bar=True, logger=False, sync_dist=True)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on where the checkpoint stopped, with what this training and that one have seen."""
        outside, split = self.outside, self.split
        super().on_load_checkpoint(checkpoint)
        self.outside |= outside
        self.split = split

    def save(self, path: str | Path) -> None:
        """Writes the classifier and what is known of it as a .safetensors file, whole or not at all.

        Raises:
            ValueError: a weight is not finite.
        """
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
        """Lets the teacher say which objects count, where the labels ask it; returns its fingerprint."""
        if not self.label_source.needs_teacher:
            return None
        if teacher is not None:
            teacher.require_trained("teacher")
            self.data.use_teacher(self.label_source, teacher)
            return teacher.fingerprint()
        if self.label_source.source != "sampled":
            raise ValueError(
                "label_source and teacher: labels are to come from the teacher, and there is none; source=sampled asks "
                "nobody"
            )
        log.info("without a teacher every labeled object counts, whatever agreement of label_source says")
        return None
