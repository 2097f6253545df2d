"""Distillation from the first epoch to what a run leaves; tests/training/test_run_folder_resume.py tests stops."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from safetensors import safe_open
from safetensors.torch import load_file

from diode_pl.data import Batch
from diode_pl.distillation.losses import Detection
from diode_pl.metrics import DetectionScores
from tests.training_run import (
    BATCH,
    EPOCHS,
    blind,
    checkpoint,
    measure,
    run,
    same,
    shapes,
    tiny_detector,
    tiny_teacher,
)

pytestmark = pytest.mark.usefixtures("quick_report")


class Notes(pl.Callback):
    """Which images, by which draws, each epoch shows."""

    def __init__(self) -> None:
        self.shown: dict[int, list[tuple[str, int]]] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self.shown.setdefault(trainer.current_epoch, []).extend(zip(batch.names, batch.seeds, strict=True))


def test_epochs_see_other_images_and_draws(tmp_path: Path) -> None:
    first, resumed, data = Notes(), Notes(), {"mosaic": 0.0}
    run(tmp_path, epochs=2, data=data, val=None, callbacks={"notes": first})
    run(tmp_path, epochs=3, data=data, val=None, callbacks={"notes": resumed})
    assert list(first.shown) == [0, 1] and list(resumed.shown) == [2]
    epochs = [*first.shown.values(), *resumed.shown.values()]
    names = [[name for name, _ in epoch] for epoch in epochs]
    assert all(sorted(each) == sorted(set(names[0])) for each in names)  # every image once
    assert names[0] != names[1] != names[2] != names[0]
    assert len({seed for epoch in epochs for _, seed in epoch}) == EPOCHS * 3 * BATCH


def test_another_configuration_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, epochs=1, settings={"seed": 0, "optimizer": {"lr": 0.05}})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"^folder: .*\n  optimizer\.lr: 0\.05 there, 0\.1 now\nGo back"):
        run(tmp_path, epochs=2, settings={"seed": 0, "optimizer": {"lr": 0.1}})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_another_teacher_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="teacher_sha256"):
        run(tmp_path, epochs=2, teacher=blind(tiny_teacher()))


def test_scores_of_the_teacher_are_those_on_this_runs_images(tmp_path: Path, whole: Path) -> None:
    _, distillation = run(tmp_path, epochs=EPOCHS + 1, ckpt=whole / "student.ckpt", val=shapes("train", 3 * BATCH))
    assert distillation.teacher_scores != checkpoint(whole)["distillation"]["teacher_scores"]


def test_the_last_epoch_is_measured_whatever_the_interval(tmp_path: Path) -> None:
    score, _ = run(tmp_path, epochs=3, check_val_every_n_epoch=2)
    history = json.loads((tmp_path / "metrics.json").read_text())["history"]
    assert ["val/AP50" in entry for entry in history] == [False, True, True]
    assert score == max(entry["val/AP50"] for entry in history[1:])


def test_the_best_epoch_is_kept_beside_the_last(whole: Path) -> None:
    scores = [entry["val/AP50"] for entry in checkpoint(whole)["distillation"]["history"]]
    best = checkpoint(whole, "best.ckpt")
    assert best["epoch"] == scores.index(max(scores)) and checkpoint(whole)["epoch"] == EPOCHS - 1
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["exported"] == {"epoch": best["epoch"] + 1, "of": EPOCHS} and metrics["student"]["AP50"] == max(
        scores
    )


def test_everything_that_is_exported_is_of_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tiny_teacher()  # chosen by its scores, before these are made up
    compute, scores = DetectionScores.compute, iter([0.5, 0.2, 0.9, 0.4])  # the teacher's, then one an epoch
    monkeypatch.setattr(DetectionScores, "compute", lambda self: compute(self) | {"AP50": next(scores)})
    exported = list[dict[str, Any]]()
    keep = "diode_pl.distillation.report.export_onnx"
    monkeypatch.setattr(keep, lambda student, *_: exported.append(dict(student.state_dict())) or 0.0)
    score, distillation = run(tmp_path, epochs=3)
    weights = load_file(tmp_path / "student.safetensors")
    best, last = (
        {name: value for name, value in checkpoint(tmp_path, file)["state_dict"].items()}
        for file in ("best.ckpt", "student.ckpt")
    )
    names = {name: f"student.{name}" for name in weights}
    assert same(weights, {name: best[key] for name, key in names.items()}) and same(weights, exported[0])
    assert not same(weights, {name: last[key] for name, key in names.items()})
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["exported"] == {"epoch": 2, "of": 3} and len(metrics["history"]) == 3
    assert score == metrics["student"]["AP50"] == 0.9 and metrics["per_class"] == distillation.per_class
    assert metrics["per_class"] == checkpoint(tmp_path, "best.ckpt")["distillation"]["per_class"]
    with safe_open(tmp_path / "student.safetensors", "pt") as file:
        assert file.metadata()["exported"] == "epoch 2 of 3" and file.metadata()["AP50"] == "0.9000"
    said, closing = caplog.messages[-2:]
    assert said.startswith(f"{tmp_path}: the student of epoch 2 of 3, the best; ")
    command = f"next: python predict.py weights={tmp_path}/student.safetensors source=DIR"
    assert closing == f"{tmp_path}/predictions.png shows what it finds; {command}"

    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run(tmp_path, epochs=3)[0] == score
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_best_epoch_survives_a_move_and_is_never_another_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_teacher()  # chosen by its scores, before these are made up
    # The teacher's comes first in each run, then one an epoch.
    compute, scores = DetectionScores.compute, iter([0.5, 0.9, 0.4, 0.5, 0.6, 0.5, 0.7, 0.3])
    monkeypatch.setattr(DetectionScores, "compute", lambda self: compute(self) | {"AP50": next(scores)})

    def best(folder: Path) -> tuple[int, float, int]:
        metrics = json.loads((folder / "metrics.json").read_text())
        return metrics["exported"]["epoch"], metrics["student"]["AP50"], checkpoint(folder, "best.ckpt")["epoch"]

    run(tmp_path / "first", epochs=2)
    (tmp_path / "first").rename(tmp_path / "moved")
    run(tmp_path / "moved", epochs=3)
    assert best(tmp_path / "moved") == (1, pytest.approx(0.9), 0)
    run(tmp_path / "other", epochs=5, ckpt=tmp_path / "moved" / "student.ckpt")
    assert best(tmp_path / "other") == (4, pytest.approx(0.7), 3)
    assert checkpoint(tmp_path / "moved", "best.ckpt")["epoch"] == 0


def test_a_student_remembers_what_it_saw_in_an_earlier_training(tmp_path: Path, whole: Path) -> None:
    seen = "teacher +proxy images +real images"
    near, ckpt = shapes("train", BATCH, world="near"), whole / "student.ckpt"
    run(tmp_path / "next", epochs=EPOCHS + 1, ckpt=ckpt, train=near)
    assert json.loads((tmp_path / "next" / "metrics.json").read_text())["data_access"] == seen
    measure(tmp_path, tmp_path / "next" / "best.ckpt")
    assert json.loads((tmp_path / "measured.json").read_text())["data_access"] == seen


def test_random_weights_neither_teach_nor_are_measured(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^teacher: .*\(Darknet\) with random weights.*Train it first"):
        run(tmp_path, teacher=tiny_detector(5))
    with pytest.raises(ValueError, match=r"^student: .*random weights.*as ckpt"):
        measure(tmp_path)
    assert not list(tmp_path.iterdir())
    run(tmp_path, teacher=tiny_detector(5), losses={"detection": Detection()}, val=None, epochs=1)  # it is not asked


def test_no_validation_images_no_scores_but_a_student(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    score, distillation = run(tmp_path, epochs=1, val=None)
    assert score is None and not distillation.teacher_scores
    assert {path.name for path in tmp_path.iterdir()} == {
        "configuration.json",
        "curves.png",
        "metrics.json",
        "student.ckpt",
        "student.safetensors",
    }
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["student"] == metrics["teacher"] == {} and metrics["exported"] == {"epoch": 1, "of": 1}
    assert caplog.messages[-1].startswith(
        f"{tmp_path}/curves.png shows how it learned; next: python predict.py weights="
    )
    with pytest.raises(ValueError, match="^val: expected images to measure on, got None"):
        measure(tmp_path, val=None)


def test_says_what_is_wrong_with_a_checkpoint(tmp_path: Path, whole: Path) -> None:
    given = tmp_path / "given.ckpt"
    with pytest.raises(ValueError, match="ckpt: .*given.ckpt does not exist"):
        run(tmp_path / "new", ckpt=given)
    given.write_bytes((whole / "student.ckpt").read_bytes()[:1000])
    for path in (given, whole / "student.safetensors"):
        with pytest.raises(ValueError, match=r"not a checkpoint of a training, or is damaged.*weights of the student"):
            run(tmp_path / "new", ckpt=path)
    with pytest.raises(ValueError, match=r"is of another student, .*Use the same student"):
        few = tiny_detector(names=("mug", "key"))
        run(tmp_path / "new", ckpt=whole / "student.ckpt", student=few, teacher=None, losses={"labels": Detection()})
    with pytest.raises(ValueError, match=r"max_epochs or max_time must be above the 3 finished epochs, "):
        run(tmp_path / "new", epochs=2, ckpt=whole / "student.ckpt")
    with pytest.raises(ValueError, match=r"not a checkpoint of a training, or is damaged"):
        (tmp_path / "new" / "student.ckpt").write_bytes(given.read_bytes())
        run(tmp_path / "new")
