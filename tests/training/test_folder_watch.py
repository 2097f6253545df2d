"""A training whose folder vanishes."""

import shutil
from pathlib import Path

import pytest
import pytorch_lightning as pl

from diode_pl.training import folder_watch
from tests.training_run import run


class Vanish(pl.Callback):
    """Removes the folder after the first epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if trainer.current_epoch == 1:
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.mark.parametrize("pause", [0.0, 100.0], ids=["within an epoch", "at its end"])
def test_a_run_whose_folder_vanishes_ends_and_does_not_make_it_anew(
    tmp_path: Path, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "_PAUSE", pause)
    with pytest.raises(FileNotFoundError, match="^folder: .*run has vanished while a training wrote to it"):
        run(tmp_path / "run", epochs=3, callbacks={"accident": Vanish(tmp_path / "run")})
    assert not (tmp_path / "run").exists()
