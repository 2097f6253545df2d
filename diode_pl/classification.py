"""A classifier learns from the crops of labelled objects."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics.classification import MulticlassConfusionMatrix

from diode_pl.classifier import ClassificationLoss, CropClassifier, Record, encoded, trained_form
from diode_pl.data import CropData, write_whole
from diode_pl.data.crop_data import Crops
from diode_pl.detector import synchronise
from diode_pl.distill import EpochMeans
from diode_pl.recipe import Recipe

log = logging.getLogger(__name__)
_KEPT = ("history", "scores", "per_class", "counts", "untrained", "data_access")


class Classification(pl.LightningModule):
    """Trains a classifier of crops, the teacher of a distillation that asks what an object is.

    Args:
        classifier: makes the network from ``class_names``, ``kind`` and ``crop_size``, which data and losses decide.
        losses: terms by name; None or a weight of 0 leaves one out. Terms for softmax and for sigmoid heads together
            make a classifier that serves both.
        recipe: how the weights are moved.
        log_every: steps between two rows of the log.

    Attributes:
        history: an entry an epoch: losses, learning rate, accuracy, seconds.
        scores: ``accuracy`` and ``macro_accuracy``, the mean over classes, on the held-out crops; the latest.
        per_class: the latest accuracy by class name; None for a class without a held-out crop.
        counts: images and crops, as :class:`CropData` counts them.
        untrained: classes without a training crop, by name.
        data_access: what the classifier has seen; a checkpoint adds what it saw before.

    Raises:
        ValueError: no loss is left.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1.
    """

    classifier: CropClassifier

    def __init__(
        self,
        classifier: Callable[..., CropClassifier],
        losses: Mapping[str, ClassificationLoss | None],
        recipe: Recipe,
        log_every: int = 10,
    ) -> None:
        super().__init__()
        active = {name: loss for name, loss in losses.items() if loss is not None and loss.weight > 0}
        self.kind = trained_form(list(active.values()))
        self.losses, self._make = nn.ModuleDict(active), classifier
        self.recipe, self.log_every = recipe, log_every
        self.history, self.data_access = list[dict[str, float]](), list[str]()
        self.scores, self.per_class = dict[str, float](), dict[str, float | None]()
        self.counts, self.untrained = dict[str, int](), list[str]()
        self._measured_in = -1

    @property
    def terms(self) -> dict[str, ClassificationLoss]:
        """The losses with a weight, by name."""
        return {name: loss for name, loss in self.losses.items() if isinstance(loss, ClassificationLoss)}

    def prepare(self, data: CropData) -> None:
        """Makes the network for the classes and crops of the data; before training or loading a state."""
        made = self._make(class_names=data.class_names, kind=self.kind, crop_size=data.crop_size)
        self.classifier = made.to(memory_format=torch.channels_last)
        self.confusion = MulticlassConfusionMatrix(len(data.class_names))

    def setup(self, stage: str) -> None:
        """Lets batch norm see the crops of all processes."""
        if stage == "fit" and self.trainer.world_size > 1:
            synchronise(self.classifier)

    def configure_optimizers(self) -> Optimizer:
        """The recipe's."""
        return self.recipe.optimizer(self)

    def on_fit_start(self) -> None:
        """Notes what there is to learn from."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.counts, self.untrained = dict(data.counts), list(data.untrained)

    def on_train_epoch_start(self) -> None:
        """Starts the means of this epoch."""
        self._means = EpochMeans()
        self._started = time.perf_counter()
        if self.current_epoch + 1 == self.trainer.max_epochs:
            self.trainer.check_val_every_n_epoch = 1  # what is kept is measured, whatever the interval

    def on_train_batch_start(self, batch: Crops, batch_idx: int) -> None:
        """Sets the learning rates of this step."""
        steps, per_epoch = int(self.trainer.estimated_stepping_batches), int(self.trainer.num_training_batches)
        self.recipe.apply(self.trainer.optimizers[0], self.trainer.global_step, steps, per_epoch)

    def training_step(self, batch: Crops, batch_idx: int) -> Tensor:
        """The weighted sum of the losses on one batch."""
        crops, labels = batch
        logits = self.classifier(crops).float()
        terms = {name: loss(logits, labels) for name, loss in self.terms.items()}
        total = torch.stack([self.terms[name].weight * term for name, term in terms.items()]).sum()
        shown = {f"loss/{name}": term.detach() for name, term in (terms | {"total": total}).items()}
        right = (logits.detach().argmax(dim=1) == labels).float().mean()
        self._means.add(shown | {"train/accuracy": right})
        if batch_idx % self.log_every == 0:
            self._stop_if_not_finite()
            self.log_dict(shown | {"lr": self.trainer.optimizers[0].param_groups[0]["lr"]}, batch_size=1)
            self.log("loss", shown["loss/total"], prog_bar=True, logger=False, batch_size=1)
        # Every process has its part of the batch, and their gradients are averaged.
        return total * self.recipe.loss_scale(len(crops) * self.trainer.world_size)

    def on_train_epoch_end(self) -> None:
        """Adds this epoch to the history; checkpoints come after it."""
        self._stop_if_not_finite(weights=True)
        means = self._means.means()
        shared = self.trainer.strategy.reduce(torch.tensor([*means.values()], device=self.device), reduce_op="mean")
        entry = {"epoch": float(self.current_epoch), "lr": self.trainer.optimizers[0].param_groups[0]["lr"]}
        entry |= dict(zip(means, shared.tolist(), strict=True))
        # Validation belongs to the epoch that it ends; of an epoch without one there are no scores.
        if self._measured_in == self.current_epoch:
            entry |= {f"val/{name}": value for name, value in self.scores.items()}
        self.history.append(entry | {"seconds": time.perf_counter() - self._started})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps what the weights do not say."""
        checkpoint["classification"] = {name: getattr(self, name) for name in _KEPT}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on where the checkpoint stopped."""
        kept = checkpoint.get("classification", {})
        seen = {*kept.get("data_access", ()), *self.data_access}
        for name, value in (kept | {"data_access": sorted(seen)}).items():
            setattr(self, name, value)

    def validation_step(self, batch: Crops | None, batch_idx: int) -> None:
        """Counts which class each held-out crop is taken for."""
        if batch is not None:
            crops, labels = batch
            self.confusion.update(self.classifier(crops).argmax(dim=1), labels)

    def on_validation_epoch_end(self) -> None:
        """The accuracy on all held-out crops, those of all processes."""
        taken = self.confusion.compute().double().cpu()  # rows are the truth
        self.confusion.reset()
        shown, right = taken.sum(dim=1), taken.diag()
        there = shown > 0
        if not there.any():
            return
        rates = (right[there] / shown[there]).tolist()
        self.scores = {"accuracy": float(right.sum() / shown.sum()), "macro_accuracy": sum(rates) / len(rates)}
        found = iter(rates)
        self.per_class = {
            name: next(found) if seen else None
            for name, seen in zip(self.classifier.class_names, there.tolist(), strict=True)
        }
        self._measured_in = self.current_epoch
        self.log_dict({f"val/{name}": value for name, value in self.scores.items()}, sync_dist=True)
        self.log("accuracy", self.scores["accuracy"], prog_bar=True, logger=False, sync_dist=True)

    def save(self, path: str | Path) -> None:
        """Writes the classifier and what is known of it as a .safetensors file, whole or not at all.

        Raises:
            ValueError: a weight is not finite.
        """
        record = Record(
            tuple(self.data_access),
            self.scores.get("accuracy"),
            self.scores.get("macro_accuracy"),
            self.per_class,
            tuple(self.untrained),
        )
        write_whole(Path(path), encoded(self.classifier, record))

    def _stop_if_not_finite(self, weights: bool = False) -> None:
        broken = self._means.not_finite()
        # The gradient of a finite loss need not be finite.
        if weights and not all(bool(parameter.isfinite().all()) for parameter in self.classifier.parameters()):
            broken.append("the classifier's weights")
        if broken:
            raise FloatingPointError(
                f"not finite in epoch {self.current_epoch}: {', '.join(broken)}. The last checkpoint is intact: go on "
                "from it with ckpt=PATH in another output_dir, with a lower optimizer.lr, a lower "
                "trainer.gradient_clip_val or trainer.precision=32-true"
            )
