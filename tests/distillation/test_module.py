"""A student and its teacher during a training."""

import logging
import re
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Darknet
from diode_pl.distillation.losses import BlockFeatures, Decoded, Detection, DistillationBatch, DistillLoss, Mimic
from diode_pl.distillation.module import Distillation
from diode_pl.shapes import ShapesWorld
from tests.distillation.losses.batches import network
from tests.training_run import (
    NAMES,
    StopsAt,
    blind,
    checkpoint,
    parts,
    run,
    same,
    shapes,
    some_data,
    tiny_detector,
    tiny_teacher,
)

ADAM = partial(torch.optim.AdamW, lr=0.01, betas=(0.9, 0.999), weight_decay=0.05, fused=True)


@pytest.fixture(autouse=True)
def quick_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run writes is tested elsewhere, and takes longer than the run."""
    job = import_module("diode_pl.distillation.jobs.distill")  # the package has a function of that name
    monkeypatch.setattr(job, "write_report", lambda *_: None)


class Infinite(DistillLoss):
    """A term that breaks at one step, in its value or only in its gradient."""

    needs_teacher = False

    def __init__(self, step: int, gradient_only: bool = False) -> None:
        super().__init__(1.0)
        self.step, self.gradient_only, self.steps = step, gradient_only, 0

    def forward(self, batch: DistillationBatch) -> torch.Tensor:
        self.steps += 1
        head = batch.student_outputs.heads[0]
        if self.steps - 1 != self.step:
            return head.square().mean()
        return (head * 0).sum().sqrt() if self.gradient_only else head.mean() * float("inf")


def test_learns_and_the_teacher_stays_the_same_bit_for_bit(tmp_path: Path) -> None:
    distillation, data, trainer = parts(epochs=6, optimizer=ADAM, data={"mosaic": 0.0})
    teacher = distillation.teacher
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    student = {name: value.clone() for name, value in distillation.student.state_dict().items()}
    trainer.fit(distillation, datamodule=data)
    losses = [entry["loss/mimic"] for entry in distillation.history]
    assert losses[-1] < 0.8 * losses[0] and losses == sorted(losses, reverse=True)
    assert same(before, dict(teacher.state_dict())) and not teacher.training
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in teacher.parameters())
    moved = [not torch.equal(value, student[name]) for name, value in distillation.student.named_parameters()]
    assert all(moved)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_block_features_are_those_of_the_step_itself(precision: str) -> None:
    losses = {"decoded": Decoded(), "block": BlockFeatures()}
    distillation, data, trainer = parts(
        losses=losses, optimizer=ADAM, precision=precision, epochs=4, val=None, data={"mosaic": 0.0}
    )
    passes = dict.fromkeys(("teacher", "student"), 0)
    before = distillation.teacher.fingerprint()

    def count(detector: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        passes["teacher" if detector is distillation.teacher else "student"] += 1

    for detector in (distillation.teacher, distillation.student):
        detector.register_forward_pre_hook(count)
    trainer.fit(distillation, datamodule=data)
    assert passes == {"teacher": 12, "student": 12}, "three steps an epoch"
    history = [entry["loss/block"] for entry in distillation.history]
    assert history[-1] < 0.9 * history[0], history
    entry = distillation.history[-1]
    expected = entry["loss/decoded"] + entry["loss/block"]
    assert entry["loss/total"] == pytest.approx(expected, rel=1e-5)
    assert distillation.teacher.fingerprint() == before
    assert not any(module.training for module in distillation.teacher.modules())


def test_checkpoints_hold_no_teacher(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    content, student = checkpoint(tmp_path), tiny_detector()
    for key in ("state_dict", "current_model_state"):
        assert content[key].keys() == {f"student.{name}" for name in student.state_dict()}
    numbers = sum(value.numel() for value in student.state_dict().values())
    assert (tmp_path / "student.ckpt").stat().st_size < 3.5 * 4 * numbers + 2e5  # student, average, momentum


def test_the_teacher_is_measured_before_anything_is_learned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path, callbacks={"accident": StopsAt(0)})
    said = [record.message for record in caplog.records if record.name == "diode_pl.distillation.evaluation"]
    assert len(said) == 1 and re.fullmatch(r"teacher on the validation set: AP50 0\.\d+, AP 0\.\d+", said[0])


def test_a_teacher_that_sees_nothing_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^teacher: its AP50 on the validation set is 0.*pass val=None"):
        run(tmp_path, teacher=blind(tiny_teacher()))
    assert not (tmp_path / "student.ckpt").exists()
    run(tmp_path, teacher=blind(tiny_teacher()), val=None, epochs=1)
    assert (tmp_path / "student.ckpt").exists()


@pytest.mark.parametrize(
    ("step", "gradient_only", "said", "kept"),
    [(4, False, "loss/broken, loss/total", 1), (2, False, "loss/broken, loss/total", 0), (5, True, "weights", 1)],
)
def test_stops_at_what_is_not_finite(tmp_path: Path, step: int, gradient_only: bool, said: str, kept: int) -> None:
    losses = {"mimic": Mimic(), "broken": Infinite(step, gradient_only)}
    with pytest.raises(FloatingPointError, match=rf"not finite in epoch {kept}: .*{said}.*lower lr of") as error:
        run(tmp_path, losses=losses)
    assert "loss/mimic" not in str(error.value)
    assert (tmp_path / "student.ckpt").exists() == bool(kept)
    if kept:
        state = checkpoint(tmp_path)
        assert all(bool(value.isfinite().all()) for value in state["state_dict"].values())
        assert len(state["distillation"]["history"]) == kept


def test_a_check_at_every_tenth_step_does_not_miss_one_between(tmp_path: Path) -> None:
    distillation, data, trainer = parts(losses={"broken": Infinite(1)})
    distillation.log_every = 10
    with pytest.raises(FloatingPointError, match="loss/broken"):
        trainer.fit(distillation, datamodule=data)
    assert not distillation.history


def test_the_total_is_the_weighted_sum() -> None:
    losses = {"mimic": Mimic(2.0), "detection": Detection(0.5), "none": None, "zero": Detection(0.0)}
    distillation, data, trainer = parts(losses=losses, epochs=1)
    trainer.fit(distillation, datamodule=data)
    entry = distillation.history[0]
    assert {key for key in entry if key.startswith("loss/")} == {"loss/mimic", "loss/detection", "loss/total"}
    expected = 2 * entry["loss/mimic"] + 0.5 * entry["loss/detection"]
    assert entry["loss/total"] == pytest.approx(expected, rel=1e-5)


def test_what_does_not_fit_is_said_before_anything_runs(unchecked: None) -> None:
    prepared = parts
    with pytest.raises(ValueError, match="^student: expected a detector"):
        Distillation(None, None, {"detection": Detection()}, parts()[0].recipe, some_data())
    for losses in ({}, {"mimic": None}, {"mimic": Mimic(0.0)}):
        with pytest.raises(ValueError, match="no loss with a weight above 0"):
            prepared(losses=losses)
    with pytest.raises(ValueError, match=r"^teacher: \w+ needs one, got None; Detection"):
        prepared(teacher=None)
    frozen = tiny_detector()
    frozen.trainable = False
    with pytest.raises(ValueError, match=r"^student: Darknet is a teacher or a verifier only"):
        prepared(student=frozen)
    two_heads = tiny_detector(anchors=(14, 14, 20, 20, 32, 32, 42, 42, 68, 68, 110, 110))
    with pytest.raises(ValueError, match=r"\(3, 2, 2, 13\).*\(3, 4, 4, 13\).*Decoded"):
        prepared(student=two_heads)
    prepared(student=two_heads, losses={"decoded": Decoded()})
    prepared(student=two_heads, losses={"decoded": Decoded(), "block": BlockFeatures()})
    with pytest.raises(
        ValueError, match=r"^student and losses: .*teacher's classes are \['mug', .*the same order, or take Decoded"
    ):
        prepared(student=tiny_detector(names=NAMES[::-1]))
    with pytest.raises(ValueError, match=r"needs labels.*set the loss weight to 0"):
        unlabeled = shapes("train", 24, labeled=False)
        prepared(losses={"mimic": Mimic(), "detection": Detection(0.1)}, train=unlabeled)
    prepared(train=shapes("train", 24, labeled=False))
    # The student alone, whose stride is 8, could take these; and the loss would try it without naming a key.
    both = {"student": network(names=NAMES), "losses": {"decoded": Decoded()}}
    with pytest.raises(ValueError, match=r"multi_scale must be .* 32 px, for student and teacher, got 72 px; .* is 64"):
        prepared(**both, data={"multi_scale": [64, 72]})
    with pytest.raises(ValueError, match=r"train\.resolution must be .* got 72 px; the nearest is 64"):
        prepared(**both, train=ShapesWorld("train", 8, 72))
    prepared(**both, data={"multi_scale": [64, 96]})


def test_says_that_labels_are_taken_from_where_nobody_reads_them(caplog: pytest.LogCaptureFixture) -> None:
    for losses, times in (({"mimic": Mimic()}, 1), ({"mimic": Mimic(), "detection": Detection(0.1)}, 0)):
        caplog.clear()
        parts(losses=losses, label_source=LabelPolicy("union"))
        said = [
            record.getMessage() for record in caplog.records if "label_source: union changes nothing" in record.message
        ]
        assert len(said) == times
    caplog.clear()
    parts()
    assert "label_source" not in caplog.text


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_adam_and_half_precision_learn_too(precision: str) -> None:
    losses = {"mimic": Mimic(), "detection": Detection(0.01)}
    distillation, data, trainer = parts(
        losses=losses, optimizer=ADAM, precision=precision, epochs=3, gradient_clip_val=10.0
    )
    trainer.fit(distillation, datamodule=data)
    first, *_, last = [entry["loss/mimic"] for entry in distillation.history]
    assert last < 0.95 * first
    assert all(parameter.dtype == torch.float32 for parameter in distillation.student.parameters())


def test_the_recipe_moves_every_step(tmp_path: Path) -> None:
    rates: list[float] = []

    class Rates(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    distillation, data, trainer = parts(callbacks={"rates": Rates()}, epochs=3)
    trainer.fit(distillation, datamodule=data)
    assert rates[0] == 0 and len(rates) == 9  # three steps an epoch, one epoch of burn-in
    assert rates[:4] == sorted(rates[:4]) and rates[3:] == sorted(rates[3:], reverse=True)
    assert isinstance(distillation.student, Darknet) and rates[8] < 0.3 * rates[3]
