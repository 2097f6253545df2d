"""What every training does around its steps, on one number that learns."""

from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from diode_pl.detector.sync_batch_norm import SynchronizedBatchNorm
from diode_pl.provenance import REAL_IMAGES, Provenance
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe


class Number(TrainingModule):
    """Falls, epoch by epoch, from 1; may break in its weight alone."""

    part, kept = "number", ("history", "found")

    def __init__(self, breaks: bool = False) -> None:
        recipe = Recipe(partial(torch.optim.SGD, lr=0.1, momentum=0.0), warmup_epochs=0.0, warmup_steps=0)
        super().__init__(recipe, log_every=10)
        self.network, self.objective = nn.Linear(1, 1, bias=False), nn.Sequential(nn.BatchNorm2d(3))
        nn.init.ones_(self.network.weight)
        self.breaks, self.found = breaks, 0.0

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "number", self.network

    def take_scores(self) -> dict[str, float]:
        return {"found": self.found}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        total = self.network.weight.square().sum()
        if self.breaks and self.found == 1:  # the last step
            total = total + (self.network.weight * 0).sqrt().sum()  # its gradient is no number
        self.found += 1
        self.log_step({"loss/total": total.detach()}, batch_idx, {"rate": torch.tensor(0.5)})
        return self.scale_loss(total, len(batch))


def fitted(module: Number, epochs: int, **options: Any) -> pl.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(max_epochs=epochs, enable_checkpointing=False, **quiet, **options)
    trainer.fit(module, DataLoader(torch.zeros(8, 1), batch_size=4))
    return trainer


def test_an_epoch_has_its_means_its_rate_and_its_scores() -> None:
    module = Number()
    trainer = fitted(module, 2, check_val_every_n_epoch=5)
    first, second = module.history
    assert set(first) == {"epoch", "lr", "loss/total", "rate", "val/found", "seconds"}
    assert (first["epoch"], second["epoch"], first["rate"]) == (0, 1, 0.5)
    assert (first["val/found"], second["val/found"]) == (2, 4)
    assert first["loss/total"] > second["loss/total"] > 0
    assert trainer.check_val_every_n_epoch == 1  # from the last epoch on


def test_a_checkpoint_keeps_what_the_weights_do_not_say() -> None:
    module, other, content = Number(), Number(), dict[str, Any]()
    module.history, module.provenance, module.found = [{"epoch": 0.0}], REAL_IMAGES, 3.0
    module.on_save_checkpoint(content)
    other.provenance = Provenance(teacher=True)
    other.on_load_checkpoint(content)
    assert set(content) == {"number"} and other.found == 3 and other.history == module.history
    assert other.provenance == Provenance(teacher=True) | REAL_IMAGES
    other.on_load_checkpoint({})  # of another training
    assert other.found == 3 and other.provenance == Provenance(teacher=True) | REAL_IMAGES


def test_a_checkpoint_of_an_earlier_version_lists_what_was_seen() -> None:
    module, content = Number(), dict[str, Any]()
    module.provenance = Provenance(teacher=True) | REAL_IMAGES
    module.on_save_checkpoint(content)
    assert content["number"]["data_access"] == "teacher +real images"
    for seen in ("teacher +real images", ["real images", "teacher"]):
        other = Number()
        other.on_load_checkpoint({"number": content["number"] | {"data_access": seen}})
        assert other.provenance == module.provenance


def test_a_gradient_that_breaks_a_weight_stops_the_training() -> None:
    with pytest.raises(FloatingPointError, match=r"not finite in epoch 0: the number's weights\. .*lower lr of"):
        fitted(Number(breaks=True), 1)


@pytest.mark.parametrize(("stage", "processes", "expected"), [("fit", 2, True), ("fit", 1, False), ("test", 2, False)])
def test_batch_norm_of_losses_too_sees_all_processes(stage: str, processes: int, expected: bool) -> None:
    module = Number()
    module.trainer = pl.Trainer(accelerator="cpu", devices=processes, logger=False, enable_checkpointing=False)
    module.setup(stage)
    assert isinstance(module.objective[0], SynchronizedBatchNorm) == expected
