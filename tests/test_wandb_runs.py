"""From images to a student with ``logger=wandb``, offline: what both commands wrote, read back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

import synthesize
import train
from diode_pl.detector import Darknet
from tests.command_line import run_main
from tests.tiny_network import NAMES, SHORT, write_tiny_network
from tests.training_run import blind
from tests.wandb_files import OfflineRun, read_runs

LOGGED = ["trainer.accelerator=cpu", "logger=wandb", "logger.wandb.offline=true"]
# What is looked at while images are made has tests of its own.
PLAIN = ["num_images=4", "callbacks.verifier=null", "callbacks.image_log=null"]
STUDENT = ["train.root=set", "data@val=synthetic", "val.root=set", "val.split=null", "output_dir=student"]
STUDENT += ["batch_size=4", "data.steps_per_epoch=2", "recipe.warmup_epochs=0.0", "recipe.warmup_steps=0"]
# It begins as its teacher, and the first epoch is the best.
STUDENT += ["callbacks.ema=null", "+callbacks.blinds._target_=tests.test_wandb_runs.Blinds"]


class Blinds(pl.Callback):
    """From the second epoch on, the student sees nothing."""

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        if trainer.current_epoch > 0:
            assert isinstance(pl_module.student, Darknet)
            blind(pl_module.student)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[OfflineRun]:
    """A set, a student of two epochs that learned from it, and the same command again with a third epoch."""
    folder = tmp_path_factory.mktemp("runs")
    teacher = write_tiny_network(folder / "teacher")
    student = [*STUDENT, f"student.weights={folder / 'teacher' / 'tiny.weights'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        patch.setenv("WANDB_SILENT", "true")
        for job in ("distillation.report", "synthesis.job"):  # pages show nothing to W&B
            patch.setattr(f"diode_pl.{job}.try_write_page", lambda *_: None)
        run_main(synthesize, *LOGGED, *teacher, *SHORT, *PLAIN, "output_dir=set", cwd=folder)
        for epochs in (2, 3):
            run_main(train, *LOGGED, *student, f"trainer.max_epochs={epochs}", cwd=folder)
            shutil.copy(folder / "student" / "metrics.json", folder / f"metrics{epochs}.json")
    return read_runs(folder)


def _root(run: OfflineRun) -> Path:
    return run.folder.parents[2]


def report(run: OfflineRun, epochs: int) -> dict[str, Any]:
    """The ``metrics.json`` of a training, as it was after so many epochs."""
    return json.loads((_root(run) / f"metrics{epochs}.json").read_text())


def _read(run: OfflineRun, path: str) -> dict[str, Any]:
    return json.loads((run.folder / "files" / path).read_text())


def results(run: OfflineRun) -> dict[str, Any]:
    """Its results, without the prefix."""
    return {name[len("result/") :]: value for name, value in run.summary.items() if name.startswith("result/")}


def files(run: OfflineRun) -> dict[str, dict[str, Any]]:
    """Names and metadata of the data sets and models it made; W&B keeps tables as artifacts, too."""
    return {each.name: json.loads(each.metadata) for each in run.artifacts if each.type in ("dataset", "model")}


def test_each_command_is_a_run_and_the_same_one_again_continues_it(runs: list[OfflineRun]) -> None:
    assert [(run.job, run.exit_code) for run in runs] == [("synthesize", 0), ("train", 0), ("train", 0)]
    made, first, again = runs
    assert made.id != first.id == again.id == (_root(first) / "student" / "wandb" / "train.id").read_text()
    steps = [[step for step, _ in run.values("val/AP50")] for run in (first, again)]
    assert steps == [[2, 4], [6]], "the third epoch goes on where the second ended"
    assert first.config["trainer"]["max_epochs"] == 2 and again.config["trainer"]["max_epochs"] == 3


def test_a_training_names_the_set_that_it_learned_from(runs: list[OfflineRun]) -> None:
    made, *trained = runs
    (name,) = files(made)
    assert name.startswith("images-") and files(made)[name]["images"] == 4
    for run in trained:
        assert run.config["made_from"] == [name]
        weights, onnx = files(run)
        assert weights.startswith("student.safetensors-") and onnx.startswith("student.onnx-")
        assert files(run)[weights]["made_from"] == [name] and files(run)[onnx]["made_from"] == [weights]
    assert {each.path for each in made.artifacts[0].manifest.contents} >= {"annotations.json", "images/00000003.png"}


def test_results_are_those_of_the_best_epoch(runs: list[OfflineRun]) -> None:
    for run, epochs in zip(runs[1:], (2, 3), strict=True):
        said, found = report(run, epochs), results(run)
        assert run.values("val/AP50")[-1][1] == 0 < said["student"]["AP50"], "the last epoch is not the best one"
        assert found["best_epoch"] == 1 and found["epochs"] == epochs
        assert found["data_access"] == "teacher +given weights"
        assert all(found[name] == run.summary[f"val/{name}"] == said["student"][name] for name in ("AP50", "AP", "F1"))
        assert found["teacher_AP50"] == said["teacher"]["AP50"] > 0
    assert results(runs[1])["AP50"] == runs[1].values("val/AP50")[0][1] == results(runs[2])["AP50"]


def test_the_teacher_is_beside_the_student(runs: list[OfflineRun]) -> None:
    for run, epochs in zip(runs[1:], (2, 3), strict=True):
        teacher = report(run, epochs)["teacher"]["AP50"]
        assert run.values("teacher/AP50") == [(step, teacher) for step, _ in run.values("val/AP50")]
        *_, (_, path) = run.values("charts/AP50_table/path")
        points = [score for _, line, score in _read(run, path)["data"] if line == "val/AP50"]
        assert points == [entry["val/AP50"] for entry in report(run, epochs)["history"]], "of all epochs"


def test_each_validation_has_a_table_of_the_classes(runs: list[OfflineRun]) -> None:
    first = runs[1]
    tables = first.values("per_class/path")
    assert [step for step, _ in tables] == [2, 4]
    best = _read(first, tables[0][1])
    assert best["columns"][:3] == ["class", "AP50", "AP"] and [row[0] for row in best["data"]] == list(NAMES)
    said = report(first, 2)["per_class"]
    assert {row[0]: row[1] for row in best["data"]} == {name: said[name]["AP50"] for name in NAMES}


def test_predictions_have_the_boxes_of_truth_teacher_and_student(runs: list[OfflineRun]) -> None:
    made, first, _ = runs
    captions = ["0000", "0001", "0002", "0003"]
    assert first.values("predictions/captions") == [(step, captions) for step in (2, 4)]
    boxes = {who: 0 for who in ("truth", "teacher", "student")}
    for layers in first.values("predictions/all_boxes")[0][1]:
        for who in boxes:
            content = _read(first, layers[who]["path"])
            assert content["class_labels"] == {str(i): name for i, name in enumerate(NAMES)}
            boxes[who] += len(content["box_data"])
    assert boxes["truth"] == files(made).popitem()[1]["boxes"] and boxes["teacher"] > 0 and boxes["student"] > 0
