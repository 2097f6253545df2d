"""A batch that goes on between two iterations, in another process: as if it had not been left."""

import io
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.synthesis.batch_state import capture_batch
from diode_pl.synthesis.callbacks import Snapshots
from diode_pl.synthesis.growth import TargetGrowth
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import BatchNormStatistics, Detection, TotalVariation
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.schedule import PyramidAdam, Stage
from tests.synthesis.synthesis_run import Record, fit, inversion, sign_descent


class Keep(pl.Callback):
    """Keeps the states of a batch after every iteration, as a file would."""

    def __init__(self) -> None:
        self.states = dict[tuple[int, int, int], bytes]()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        assert isinstance(pl_module, Inversion) and pl_module.batch is not None
        content = io.BytesIO()
        torch.save(capture_batch(pl_module), content)
        self.states[pl_module.batch, pl_module.stage_index, pl_module.iteration] = content.getvalue()


GROWTH = TargetGrowth(every=2, start=2, stop=6, confidence=0.0, area=(0.0, 1.0))
STAGES = [Stage(32, 7, PyramidAdam, growth=GROWTH), Stage(64, 5, sign_descent)]


def module(folder: Path) -> Inversion:
    losses = {
        "detection": Detection(0.5),
        "total_variation": TotalVariation(0.1),
        "batch_norm": BatchNormStatistics(0.5, form="kl", momentum=0.9),
    }
    return inversion(folder, STAGES, losses=losses, num_images=6, loss_weighting=GradientShares(steps=3))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Keep, list[dict[str, Any]]]:
    keep, kept = Keep(), list[dict[str, Any]]()

    class Notes(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            kept.append({"notes": dict(snapshots.notes), "files": dict(snapshots.files)})

    snapshots = Snapshots(images=6, points=4)
    return fit(module(tmp_path_factory.mktemp("whole")), snapshots, Notes(), keep), keep, kept


@pytest.mark.parametrize("left", [(0, 0, 1), (0, 0, 4), (1, 0, 2), (1, 1, 3)], ids=str)
def test_a_batch_ends_in_the_same_bits_wherever_it_was_left(
    whole: tuple[Record, Keep, list[dict[str, Any]]], tmp_path: Path, left: tuple[int, int, int]
) -> None:
    record, keep, kept = whole
    batch, stage, iteration = left
    again, snapshots = module(tmp_path), Snapshots(images=6, points=4)
    again.batches = range(batch, 3)
    state = torch.load(io.BytesIO(keep.states[left]), weights_only=True)
    again.read_state = {batch: state}.get
    rest = fit(again, snapshots)
    first = batch * len(STAGES) + stage  # of the epochs of the whole run
    assert len(rest.ends) == len(record.ends) - first and again.images is not None
    assert all(torch.equal(one, other) for one, other in zip(rest.ends, record.ends[first:], strict=True))
    for one, other in zip(rest.targets, record.targets[first:], strict=True):
        assert torch.equal(one.boxes, other.boxes) and torch.equal(one.labels, other.labels)
    done = sum(each.iterations for each in STAGES) * batch + (7 if stage else 0) + iteration
    assert rest.totals == record.totals[done:]
    assert {"notes": snapshots.notes, "files": snapshots.files} == kept[-1]


def test_a_batch_that_is_left_alone_begins_a_later_fit_too(
    whole: tuple[Record, Keep, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Another process may have left the second batch of those that this one makes."""
    record, keep, _ = whole
    again = module(tmp_path)
    again.read_state = {1: torch.load(io.BytesIO(keep.states[1, 1, 2]), weights_only=True)}.get
    rest = fit(again)
    assert len(rest.ends) == 5  # two stages, the second one of batch 1, two stages
    for one, other in zip(rest.ends, [*record.ends[:2], *record.ends[3:]], strict=True):
        assert torch.equal(one, other)
