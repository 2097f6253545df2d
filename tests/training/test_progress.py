"""Where a training stands."""

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from diode_pl.training.progress import TrainingProgress


class Line(pl.LightningModule):
    """Learns nothing, and has a validation."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        loss = self.network(batch).square().sum()
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("AP50", 0.5, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def shown(progress: TrainingProgress, monkeypatch: pytest.MonkeyPatch, measured: bool = False) -> list[tuple]:
    updates = list[tuple]()
    monkeypatch.setattr(progress._line, "update", lambda *given: updates.append(given))
    data = DataLoader(torch.ones(8, 1), batch_size=2)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    trainer = pl.Trainer(max_epochs=2, accelerator="cpu", callbacks=[progress], **quiet)
    if measured:
        trainer.validate(Line(), data, verbose=False)
    else:
        trainer.fit(Line(), data, data)
    return updates


def test_one_bar_runs_over_all_epochs_with_loss_and_score(monkeypatch: pytest.MonkeyPatch) -> None:
    updates = shown(TrainingProgress(refresh=3), monkeypatch)
    assert [update[:3] for update in updates] == [
        (3, 8, "epoch 1/2"),
        (4, 8, "epoch 1/2"),
        (7, 8, "epoch 2/2"),
        (8, 8, "epoch 2/2"),
    ]
    assert list(updates[-1][3]) == ["loss", "AP50"] and updates[-1][3]["AP50"] == 0.5


def test_a_time_budget_that_has_not_planned_yet_shows_its_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diode_pl.training.progress.UNPLANNED", 2)
    assert shown(TrainingProgress(refresh=3), monkeypatch)[0][:3] == (3, 4, "epoch 1")


def test_a_measurement_has_a_bar_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(TrainingProgress(), monkeypatch, measured=True)[-1] == (4, 4, "measuring", {})


def test_other_processes_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = TrainingProgress(refresh=1)
    monkeypatch.setattr(progress, "setup", lambda *_, **__: progress.disable())
    assert not shown(progress, monkeypatch)


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="refresh must be .*1.*, got 0"):
        TrainingProgress(refresh=0)
