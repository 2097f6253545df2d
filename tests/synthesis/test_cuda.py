"""What only a CUDA device shows; skipped elsewhere."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.synthesis.schedule import PyramidAdam, Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer
from tests.synthesis.synthesis_run import inversion

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class NoSync(pl.Callback):
    """From the third iteration on, waiting for the device is an error."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 2:
            torch.cuda.set_sync_debug_mode("error")

    def on_train_epoch_end(self, trainer, pl_module):
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_no_iteration_waits_for_the_device(tmp_path: Path, precision: str) -> None:
    module = inversion(tmp_path, [Stage(32, 8, PyramidAdam)])
    trainer = build_synthesis_trainer({"no_sync": NoSync()}, {}, accelerator="gpu", precision=precision)
    try:
        trainer.fit(module)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert module.images is not None and module.images.isfinite().all()
