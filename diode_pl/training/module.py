"""Base LightningModule: learning rates, logging, history, checkpoint state."""

import logging
import time
from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diode_pl.dashboard import log_numbers
from diode_pl.detector import convert_sync_batch_norm
from diode_pl.numerics.termination import end_on_sigterm
from diode_pl.provenance import Provenance
from diode_pl.training.epoch_line import describe_epoch
from diode_pl.training.epoch_means import EpochMeans
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class TrainingModule(pl.LightningModule, ABC):
    """Sets learning rates, keeps a history, restores it from checkpoints, and stops on non-finite numbers.

    Args:
        recipe: optimizer and learning rate schedule.
        log_every: steps between two rows of the log.

    Attributes:
        part: key of this module's own entry in checkpoints.
        kept: names of the attributes stored there; ``provenance`` is always added.
        history: one entry per epoch: losses, learning rate, scores, seconds.
        provenance: data access level of the network; loading a checkpoint adds that of the checkpoint.

    Example:
        >>> class Regression(TrainingModule):
        ...     part, kept, learner = "regression", ("history",), ("model", nn.Linear(2, 1))
        ...     def take_scores(self):
        ...         return {}
    """

    part: str
    kept: tuple[str, ...]

    def __init__(self, recipe: Recipe, log_every: int) -> None:
        super().__init__()
        if log_every < 1:
            raise ValueError(f"log_every must be >= 1, got {log_every}")
        self.recipe, self.log_every = recipe, log_every
        self.history, self.provenance = list[dict[str, float]](), Provenance()

    @property
    @abstractmethod
    def learner(self) -> tuple[str, nn.Module]:
        """Name and module of the network that is trained."""

    @abstractmethod
    def take_scores(self) -> dict[str, float]:
        """Returns the validation scores of this epoch; empty without a validation."""

    def setup(self, stage: str) -> None:
        """Synchronizes batch norm across processes, including that of the losses."""
        if stage == "fit" and self.trainer.world_size > 1:
            convert_sync_batch_norm(self)

    def configure_optimizers(self) -> Optimizer:
        return self.recipe.optimizer(self)

    def on_train_start(self) -> None:
        """Ends at SIGTERM by itself: Lightning's handler waits for all processes."""
        end_on_sigterm()

    def on_train_epoch_start(self) -> None:
        """Resets the epoch means."""
        self._means = EpochMeans()
        self._started = time.perf_counter()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Sets the learning rates of this step."""
        steps, per_epoch = int(self.trainer.estimated_stepping_batches), int(self.trainer.num_training_batches)
        self.recipe.apply(self.trainer.optimizers[0], self.trainer.global_step, steps, per_epoch)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Forces a validation after the last epoch."""
        last_step = batch_idx + 1 == self.trainer.num_training_batches
        # Known only now if a time budget plans during the epoch.
        if last_step and self.current_epoch + 1 == self.trainer.max_epochs:
            self.trainer.check_val_every_n_epoch = 1  # the final weights are always evaluated

    def log_step(self, row: dict[str, Tensor], batch_idx: int, rates: dict[str, Tensor] | None = None) -> None:
        """Adds one step to the epoch means and, every ``log_every`` steps, to the log.

        Args:
            row: detached scalars; must contain ``loss/total``.
            batch_idx: index of the batch in this epoch.
            rates: detached scalars that are added to the means only.
        """
        self._means.add(row | (rates or {}))
        if batch_idx % self.log_every == 0:
            self._stop_if_not_finite()
            numbers = torch.stack(list(row.values())).tolist()  # one device sync for all
            values = dict(zip(row, numbers, strict=True)) | {"lr": self._rate()}
            log_numbers(self.loggers, values | {"epoch": float(self.current_epoch)}, self.global_step)
            terms = [name for name in row if name.startswith("loss/") and name != "loss/total"]
            for name in ["loss/total", *(terms if len(terms) > 1 else ())][:2]:  # a bar has room for two
                shown = "loss" if name == "loss/total" else name.removeprefix("loss/")
                self.log(shown, row[name], prog_bar=True, logger=False, batch_size=1)

    def scale_loss(self, total: Tensor, images: int) -> Tensor:
        """Returns the loss to backpropagate: ``total``, scaled for a batch of ``images`` in this process."""
        # DDP averages gradients over processes, each of which has its part of the batch.
        return total * self.recipe.loss_scale(images * self.trainer.world_size)

    def on_train_epoch_end(self) -> None:
        """Adds this epoch to the history, before checkpoints are saved."""
        self._stop_if_not_finite(weights=True)
        means = self._means.means()
        reduced = self.trainer.strategy.reduce(torch.tensor([*means.values()], device=self.device), reduce_op="mean")
        entry = {"epoch": float(self.current_epoch), "lr": self._rate()}
        entry |= dict(zip(means, reduced.tolist(), strict=True))
        # Validation belongs to the epoch that it ends.
        entry |= {f"val/{name}": value for name, value in self.take_scores().items()}
        self.history.append(entry | {"seconds": time.perf_counter() - self._started})
        if self.trainer.is_global_zero:
            log.info("%s", describe_epoch(self.history, self.trainer.max_epochs))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Stores the attributes named in ``kept``, and the provenance."""
        kept = {name: getattr(self, name) for name in self.kept}
        checkpoint[self.part] = kept | {"data_access": str(self.provenance)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restores the attributes named in ``kept``, and adds the provenance."""
        kept = dict(checkpoint.get(self.part, {}))
        self.provenance |= Provenance.parse(kept.pop("data_access", ""))
        for name, value in kept.items():
            setattr(self, name, value)

    def _rate(self) -> float:
        return self.trainer.optimizers[0].param_groups[0]["lr"]

    def _stop_if_not_finite(self, weights: bool = False) -> None:
        broken, (name, network) = self._means.not_finite(), self.learner
        # A finite loss can have a non-finite gradient, and statistics of norm layers no loss shows.
        if weights and not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
            broken.append(f"the {name}'s weights")
        if broken:
            raise FloatingPointError(
                f"not finite in epoch {self.current_epoch}: {', '.join(broken)}. The last checkpoint is intact: go on "
                "from it as ckpt in another folder, with a lower lr of the optimizer, a lower gradient_clip_val or the "
                "precision 32-true"
            )
