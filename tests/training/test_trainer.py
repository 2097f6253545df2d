"""The trainers of the two entry points."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger

from diode_pl.training.trainer import AtomicCheckpointIO, StartMethod, SyncedDDP, build_training_trainer


def test_takes_named_callbacks_and_loggers(tmp_path: Path) -> None:
    listeners = {"first": pl.Callback(), "removed": None, "progress": TQDMProgressBar()}
    trainer = build_training_trainer(listeners, {"csv": CSVLogger(tmp_path), "none": None}, 7, accelerator="cpu")
    assert [each for each in listeners.values() if each is not None] == trainer.callbacks
    assert len(trainer.loggers) == 1 and trainer.max_epochs == 7
    # Lightning's own checkpoints would lie in the working directory.
    assert not any(isinstance(each, ModelCheckpoint) for each in trainer.callbacks)
    assert build_training_trainer({}, {}, 1, accelerator="cpu").progress_bar_callback is None


def test_hands_on_what_shapes_a_training() -> None:
    trainer = build_training_trainer(
        {}, {}, 1, accelerator="cpu", gradient_clip_val=2.5, check_val_every_n_epoch=3, precision="bf16-mixed"
    )
    assert (trainer.gradient_clip_val, trainer.check_val_every_n_epoch) == (2.5, 3)
    assert trainer.precision == "bf16-mixed"
    assert build_training_trainer({}, {}, 1, accelerator="cpu", precision="auto").precision in ("bf16-mixed", "32-true")


def test_several_processes_share_batches() -> None:
    trainer = build_training_trainer({}, {}, 1, accelerator="cpu", devices=2)
    assert isinstance(trainer.strategy, SyncedDDP) and trainer.world_size == 2
    assert not isinstance(build_training_trainer({}, {}, 1, accelerator="cpu").strategy, SyncedDDP)


@pytest.mark.parametrize("key", ["devices", "num_nodes", "max_epochs", "check_val_every_n_epoch"])
def test_numbers_below_one_are_refused(key: str) -> None:
    numbers = {"max_epochs": 1} | {key: 0}
    with pytest.raises(ValueError, match=rf"{key}.*must be >= 1, got"):
        build_training_trainer({}, {}, accelerator="cpu", **numbers)


def test_a_checkpoint_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, writer = tmp_path / "new" / "student.ckpt", AtomicCheckpointIO()
    writer.save_checkpoint({"epoch": 1, "weight": torch.ones(3)}, path)
    assert writer.load_checkpoint(path)["epoch"] == 1
    before = path.read_bytes()

    def full_disk(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        writer.save_checkpoint({"epoch": 2}, path)
    assert path.read_bytes() == before and [each.name for each in path.parent.iterdir()] == ["student.ckpt"]


@pytest.mark.parametrize(("method", "kind"), [("spawn", LightningEnvironment), ("popen", SLURMEnvironment)])
def test_processes_in_a_job_of_slurm_know_their_number(
    method: StartMethod, kind: type[ClusterEnvironment], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"JOB_NAME": "train", "NTASKS": 2, "NTASKS_PER_NODE": 2, "NNODES": 1, "PROCID": 1, "LOCALID": 1, "NODEID": 0}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    trainer = build_training_trainer({}, {}, 1, accelerator="cpu", devices=2, start_method=method)
    assert isinstance(trainer.strategy, SyncedDDP)
    environment = trainer.strategy.cluster_environment
    assert type(environment) is kind and trainer.world_size == 2
    assert environment.global_rank() == (1 if method == "popen" else 0)
    assert not getattr(environment, "auto_requeue", False)  # the command resumes by itself
