"""Checkpoints inside a batch: written, read, refused, removed."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.data.synthetic import Plan, SyntheticSet, Team
from diode_pl.synthesis.callbacks import BatchCheckpoint, ImageWriter
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent

STAGES = [Stage(32, 4, sign_descent), Stage(64, 3, sign_descent)]


class Stop(pl.Callback):
    """Ends a run within the second stage of the second batch."""

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        assert isinstance(pl_module, Inversion)
        if (pl_module.batch, pl_module.stage_index, pl_module.iteration) == (1, 1, 2):
            raise RuntimeError("stopped")


def make(folder: Path, *callbacks: pl.Callback, seed: int = 0, every: float = 0.0) -> BatchCheckpoint:
    module = inversion(folder, STAGES, num_images=4)
    dataset = SyntheticSet(folder / "set", module.teacher.class_names, {"seed": seed})
    team = Team(dataset.folder)
    checkpoint = BatchCheckpoint(dataset, team, module.plan, every=every)
    module.read_state, module.batches = checkpoint.read, dataset.find_missing(module.plan)
    fit(module, ImageWriter(dataset, team), checkpoint, *callbacks)
    return checkpoint


def images(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "set" / "images").iterdir())}


def test_a_set_that_was_left_inside_a_batch_has_the_same_images(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    checkpoint = make(tmp_path / "whole")
    assert not list((tmp_path / "whole").rglob("*.ckpt")), "a finished batch needs none"
    with pytest.raises(RuntimeError, match="stopped"):
        make(tmp_path / "left", Stop())
    assert [path.name for path in (tmp_path / "left").rglob("*.ckpt")] == ["000001.ckpt"]
    make(tmp_path / "left")
    assert "batch 2 continues from its checkpoint at stage 2, iteration 2" in caplog.text
    assert images(tmp_path / "left") == images(tmp_path / "whole")
    assert not list((tmp_path / "left").rglob("*.ckpt"))
    assert checkpoint.read(0) is None


def test_what_does_not_fit_or_is_cut_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(RuntimeError, match="stopped"):
        make(tmp_path, Stop())
    dataset = SyntheticSet(tmp_path / "set", ["cat", "dog"], {"seed": 0})

    def read(images: int = 4, configuration: int = 0) -> object:
        dataset.configuration = {"seed": configuration}
        return BatchCheckpoint(dataset, Team(dataset.folder), Plan(images, 2)).read(1)

    assert isinstance(read(), dict)
    assert read(configuration=1) is None and "is of another configuration: batch 1 begins anew" in caplog.text
    assert read(images=3) is None, "the last batch has one image"
    path = tmp_path / "set" / "batches" / "000001.ckpt"
    for content in (path.read_bytes()[:1000], b"", b"not a checkpoint"):
        path.write_bytes(content)
        assert read() is None and caplog.messages[-1] == f"{path} is damaged: batch 1 begins anew"
    torch.save({"images": torch.zeros(2, 3, 8, 8)}, path)
    assert read() is None and caplog.messages[-1].endswith("is damaged: batch 1 begins anew")


def test_a_short_batch_writes_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        make(tmp_path, Stop(), every=60.0)
    assert not list(tmp_path.rglob("*.ckpt"))
    with pytest.raises(ValueError, match="every must be >= 0, got -1"):
        make(tmp_path / "b", every=-1.0)
