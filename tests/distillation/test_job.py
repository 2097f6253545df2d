"""A run of the training: stopped, resumed, measured, refused."""

import json
import logging
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from diode_pl.classifier import ClassifierCard, CropClassifier, encode_classifier
from diode_pl.data import Batch, DetectionData
from diode_pl.data.tiling import Fixed
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.jobs import evaluate, tile
from diode_pl.distillation.losses import FKD, Decoded, Detection, Dicod, DistillLoss, Mimic
from diode_pl.distillation.losses.dicod import DetectorAsClassifier, TrainedClassifier
from diode_pl.distillation.module import Distillation
from diode_pl.metrics import DetectionScores
from diode_pl.provenance import Provenance
from tests.training_run import (
    BATCH,
    NAMES,
    VALIDATION,
    StopsAt,
    blind,
    checkpoint,
    measure,
    parts,
    run,
    same,
    shapes,
    some_data,
    some_trainer,
    tiny_detector,
    tiny_teacher,
    without_seconds,
)

EPOCHS = 3


@pytest.fixture(autouse=True)
def quick_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export and pictures take longer than all the rest."""
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    monkeypatch.setattr("diode_pl.distillation.report._SHOWN", 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
        run(folder, epochs=EPOCHS)
    return folder


def assert_same_end(folder: Path, whole: Path, best: bool = True) -> None:
    found, expected = checkpoint(folder), checkpoint(whole)
    for key in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "epoch", "global_step"):
        assert same(found[key], expected[key]), key
    assert not same(expected["state_dict"], expected["current_model_state"])  # the average is no copy
    for part in (found, expected):
        part["distillation"]["history"] = without_seconds(part["distillation"]["history"])
    assert found["distillation"] == expected["distillation"]
    metrics = [json.loads((each / "metrics.json").read_text()) for each in (folder, whole)]
    for each in metrics:
        each["history"] = without_seconds(each["history"])
        del each["seconds"]
        if not best:  # of the epochs of its own folder
            del each["best"]
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize(("last", "workers"), [(1, 0), (2, 0), (2, 1)])
def test_a_stopped_run_ends_like_one_that_was_not(tmp_path: Path, whole: Path, last: int, workers: int) -> None:
    data = {"workers": workers}
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path, epochs=EPOCHS, data=data, callbacks={"accident": StopsAt(last)})
    assert len(checkpoint(tmp_path)["distillation"]["history"]) == last
    assert not (tmp_path / "metrics.json").exists()
    score, _ = run(tmp_path, epochs=EPOCHS, data=data)
    assert_same_end(tmp_path, whole)
    assert score == json.loads((whole / "metrics.json").read_text())["student"]["AP50"]


def test_a_run_that_stops_before_its_first_checkpoint_starts_anew(
    tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path, epochs=EPOCHS, callbacks={"accident": StopsAt(0)}, settings={"seed": 7})
    assert "goes on" not in caplog.text  # there is nothing to go on from
    run(tmp_path, epochs=EPOCHS)  # other settings: nothing is lost
    assert_same_end(tmp_path, whole)


def methods() -> dict[str, DistillLoss]:
    """Terms with a state of their own: the run stops while factors still move, and so few crops count that it matters
    which."""
    dicod = Dicod(DetectorAsClassifier(crop_size=8), max_crops=4, localization_warmup_steps=8)
    return {"decoded": Decoded(), "fkd": FKD(balance=0.1), "dicod": dicod}


def test_a_stopped_run_with_learning_and_drawing_losses_ends_like_one_that_was_not(tmp_path: Path) -> None:
    parts()  # makes what all runs share; the layers of a loss are drawn after it
    run(tmp_path / "whole", epochs=2, losses=methods())
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path / "stopped", epochs=2, losses=methods(), callbacks={"accident": StopsAt(1)})
    run(tmp_path / "stopped", epochs=2, losses=methods())
    assert_same_end(tmp_path / "stopped", tmp_path / "whole")
    state = checkpoint(tmp_path / "stopped")["current_model_state"]
    counts = {name: int(value) for name, value in state.items() if name.endswith("count.steps")}
    assert set(counts.values()) == {6} and len(counts) == 2


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


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score, _ = run(tmp_path, epochs=1)
    before, metrics = checkpoint(tmp_path), (tmp_path / "metrics.json").read_bytes()
    written = (tmp_path / "student.ckpt").stat().st_mtime_ns
    monkeypatch.setattr("pytorch_lightning.Trainer.fit", lambda *_, **__: pytest.fail("trains"))
    again, distillation = run(tmp_path, epochs=1)
    assert again == score is not None
    assert (tmp_path / "student.ckpt").stat().st_mtime_ns == written
    assert (tmp_path / "metrics.json").read_bytes() == metrics
    assert same(before["state_dict"], dict(distillation.state_dict()))


def test_more_epochs_go_on_where_the_finished_run_ended(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    first = checkpoint(tmp_path)["distillation"]["history"]
    run(tmp_path, epochs=2)
    history = checkpoint(tmp_path)["distillation"]["history"]
    assert history[:1] == first and [entry["epoch"] for entry in history] == [0, 1]


def test_another_configuration_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, epochs=1, settings={"seed": 0, "optimizer": {"lr": 0.05}})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"output_dir: .*\n  optimizer\.lr: 0\.05 there, 0\.1 now\nGo back"):
        run(tmp_path, epochs=2, settings={"seed": 0, "optimizer": {"lr": 0.1}})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_another_teacher_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="teacher_sha256"):
        run(tmp_path, epochs=2, teacher=blind(tiny_teacher()))


def test_goes_on_in_another_folder(tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path / "first", epochs=EPOCHS, callbacks={"accident": StopsAt(1)})
    there = (tmp_path / "first" / "student.ckpt").read_bytes()
    run(tmp_path / "second", epochs=EPOCHS, ckpt=tmp_path / "first" / "student.ckpt")
    assert_same_end(tmp_path / "second", whole, best=False)
    assert (tmp_path / "first" / "student.ckpt").read_bytes() == there
    # Given again, the same command goes on from its own checkpoint, and says so.
    assert "is left alone" not in caplog.text
    run(tmp_path / "second", epochs=EPOCHS, ckpt=tmp_path / "first" / "student.ckpt")
    assert_same_end(tmp_path / "second", whole, best=False)
    assert f"ckpt={tmp_path / 'first' / 'student.ckpt'} is left alone" in caplog.text


def test_settings_of_the_optimizer_are_those_of_this_run(tmp_path: Path, whole: Path) -> None:
    slower = partial(torch.optim.SGD, lr=0.001, momentum=0.8, weight_decay=0.01)
    run(tmp_path, epochs=EPOCHS + 1, ckpt=whole / "student.ckpt", optimizer=slower)
    (state,) = checkpoint(tmp_path)["optimizer_states"]
    weights = next(group for group in state["param_groups"] if group["kind"] == "weights")
    assert 0 < weights["lr"] < 0.001 and weights["momentum"] == 0.8 and weights["weight_decay"] == 0.01


def test_scores_of_the_teacher_are_those_on_this_runs_images(tmp_path: Path, whole: Path) -> None:
    _, distillation = run(tmp_path, epochs=EPOCHS + 1, ckpt=whole / "student.ckpt", val=shapes("train", 3 * BATCH))
    assert distillation.teacher_scores != checkpoint(whole)["distillation"]["teacher_scores"]


def test_measures_without_training(tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    expected = json.loads((whole / "metrics.json").read_text())
    score, distillation = measure(tmp_path, whole / "student.ckpt", student=tiny_detector(9))
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["student"] == expected["student"] and measured["per_class"] == expected["per_class"]
    assert measured["teacher"] == expected["teacher"]
    assert measured["checkpoint"] == str(whole / "student.ckpt")
    assert measured["data_access"] == expected["data_access"] == "teacher +real images"
    assert measured["resolution"] == expected["resolution"] and measured["skipped"] == {"train": 0, "val": 0}
    assert score == pytest.approx(expected["student"]["AP50"])
    Image.open(tmp_path / "measured.png").verify()
    assert {path.name for path in tmp_path.iterdir()} == {"measured.json", "measured.png"}
    assert f"{tmp_path}: measured.json, measured.png" in caplog.messages
    assert same(dict(distillation.state_dict()), checkpoint(whole)["state_dict"])


def test_measuring_leaves_a_training_in_the_same_folder_alone(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    measure(tmp_path, student=tiny_teacher())
    # Nobody knows what a student without a checkpoint has seen.
    assert json.loads((tmp_path / "measured.json").read_text())["data_access"] == "given weights"
    assert {path: path.read_bytes() for path in before} == before


def test_measures_whatever_taught_the_student(tmp_path: Path) -> None:
    two_heads = (14, 14, 20, 20, 32, 32, 42, 42, 68, 68, 110, 110)  # Mimic could not teach it
    losses = {"decoded": Decoded(), "fkd": FKD()}
    score, taught = run(tmp_path / "taught", epochs=1, losses=losses, student=tiny_detector(3, anchors=two_heads))
    assert any(name.startswith("objective.") for name in taught.state_dict())
    other = tiny_detector(9, anchors=two_heads)
    again, measured = measure(tmp_path / "again", tmp_path / "taught" / "student.ckpt", student=other)
    assert again == pytest.approx(score)
    assert same(dict(measured.student.state_dict()), dict(taught.student.state_dict()))
    with pytest.raises(ValueError, match=r"another student, .*student\..*detector@student"):
        measure(tmp_path / "other", tmp_path / "taught" / "student.ckpt")


def test_goes_on_with_the_losses_that_it_learned_with(tmp_path: Path, whole: Path) -> None:
    losses = {"mimic": Mimic(), "fkd": FKD()}
    run(tmp_path / "fkd", epochs=1, losses=losses)
    way_out = r"another distill, \d+ tensors differ; objective\..*distill and detector@teacher .*student\.weights=FILE"
    for name, given in (("without", {"ckpt": tmp_path / "fkd"}), ("with", {"ckpt": whole, "losses": losses})):
        with pytest.raises(ValueError, match=way_out):
            run(tmp_path / name, epochs=EPOCHS + 1, **given | {"ckpt": given["ckpt"] / "student.ckpt"})
        assert not list((tmp_path / name).iterdir())
    with pytest.raises(ValueError, match=r"another student.*detector@student"):  # though fkd differs, too
        few = tiny_detector(names=("mug", "key"))
        run(tmp_path / "new", ckpt=tmp_path / "fkd" / "student.ckpt", student=few, losses={"decoded": Decoded()})


def test_goes_on_with_the_same_classifier_wherever_its_file_lies(tmp_path: Path) -> None:
    def taught_by(file: Path, epochs: int) -> None:
        teacher = TrainedClassifier(file, layers=())
        losses = {"mimic": Mimic(), "dicod": Dicod(teacher, localization=0.0)}
        settings = {"seed": 0, "distill": {"dicod": {"classifier": {"weights": str(file)}}}}
        run(tmp_path / "run", epochs=epochs, losses=losses, settings=settings)

    file, moved = tmp_path / "classifier.safetensors", tmp_path / "moved.safetensors"
    for path, seed in ((moved, 1), (file, 0)):
        torch.manual_seed(seed)
        path.write_bytes(
            encode_classifier(
                CropClassifier(NAMES, crop_size=16, kind="both"), ClassifierCard(Provenance(True), 0.9, 0.9)
            )
        )
    taught_by(file, 1)
    other = moved.read_bytes()
    file.rename(moved)
    taught_by(moved, 2)
    moved.write_bytes(other)
    with pytest.raises(ValueError, match=r"distill_sha256\.dicod: '\w{64}' there, '\w{64}' now\nGo back"):
        taught_by(moved, 3)
    assert len(checkpoint(tmp_path / "run")["distillation"]["history"]) == 2


def test_the_last_epoch_is_measured_whatever_the_interval(tmp_path: Path) -> None:
    score, _ = run(tmp_path, epochs=3, check_val_every_n_epoch=2)
    history = json.loads((tmp_path / "metrics.json").read_text())["history"]
    assert ["val/AP50" in entry for entry in history] == [False, True, True]
    assert score == history[-1]["val/AP50"]


def test_the_best_epoch_is_kept_beside_the_last(whole: Path) -> None:
    scores = [entry["val/AP50"] for entry in checkpoint(whole)["distillation"]["history"]]
    best = checkpoint(whole, "best.ckpt")
    assert best["epoch"] == scores.index(max(scores)) and checkpoint(whole)["epoch"] == EPOCHS - 1
    assert json.loads((whole / "metrics.json").read_text())["best"] == {"epoch": best["epoch"], "AP50": max(scores)}


def test_the_best_epoch_survives_a_move_and_is_never_another_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The teacher's comes first in each run, then one an epoch.
    compute, scores = DetectionScores.compute, iter([0.5, 0.9, 0.4, 0.5, 0.6, 0.5, 0.7, 0.3])
    monkeypatch.setattr(DetectionScores, "compute", lambda self: compute(self) | {"AP50": next(scores)})

    def best(folder: Path) -> tuple[dict[str, float], int]:
        return json.loads((folder / "metrics.json").read_text())["best"], checkpoint(folder, "best.ckpt")["epoch"]

    run(tmp_path / "first", epochs=2)
    (tmp_path / "first").rename(tmp_path / "moved")
    run(tmp_path / "moved", epochs=3)
    assert best(tmp_path / "moved") == ({"epoch": 0, "AP50": pytest.approx(0.9)}, 0)
    run(tmp_path / "other", epochs=5, ckpt=tmp_path / "moved" / "student.ckpt")
    assert best(tmp_path / "other") == ({"epoch": 3, "AP50": pytest.approx(0.7)}, 3)
    assert checkpoint(tmp_path / "moved", "best.ckpt")["epoch"] == 0


def test_a_student_remembers_what_it_saw_in_an_earlier_training(tmp_path: Path, whole: Path) -> None:
    seen = "teacher +proxy images +real images"
    near, ckpt = shapes("train", BATCH, world="near"), whole / "student.ckpt"
    run(tmp_path / "next", epochs=EPOCHS + 1, ckpt=ckpt, train=near)
    assert json.loads((tmp_path / "next" / "metrics.json").read_text())["data_access"] == seen
    measure(tmp_path, tmp_path / "next" / "best.ckpt")
    assert json.loads((tmp_path / "measured.json").read_text())["data_access"] == seen


def test_measures_without_training_images(tmp_path: Path, whole: Path) -> None:
    data = DetectionData(None, shapes("val", VALIDATION), Fixed(1), {}, batch_size=BATCH)
    evaluation = Evaluation(tiny_detector(), tiny_teacher(), data)
    score = evaluate(evaluation, some_trainer(), tmp_path, {}, whole / "student.ckpt")
    assert score == pytest.approx(json.loads((whole / "metrics.json").read_text())["student"]["AP50"])
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["resolution"]["train"] is None and measured["skipped"] == {"train": None, "val": 0}


def test_random_weights_neither_teach_nor_are_measured(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^teacher\.weights: .*\(Darknet\) with random weights.*weights=FILE"):
        run(tmp_path, teacher=tiny_detector(5))
    with pytest.raises(ValueError, match=r"^task=evaluate .*random weights.*ckpt=PATH.*student\.weights=FILE"):
        measure(tmp_path)
    assert not list(tmp_path.iterdir())
    run(tmp_path, teacher=tiny_detector(5), losses={"detection": Detection()}, val=None, epochs=1)  # it is not asked


@pytest.mark.parametrize("key", ["train", "val"])
def test_nothing_is_written_among_the_images(tmp_path: Path, key: str) -> None:
    same_folder = tmp_path / "elsewhere" / ".."
    with pytest.raises(ValueError, match=rf"^output_dir and {key}\.root are the same folder"):
        run(tmp_path, settings={"train": None, key: {"root": str(same_folder)}})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tiles", [1, 2])
def test_says_what_tiled_images_it_wrote(tmp_path: Path, caplog: pytest.LogCaptureFixture, tiles: int) -> None:
    caplog.set_level(logging.INFO, "diode_pl.distillation.jobs.tile")
    data = some_data()
    data.tiling = Fixed(tiles)
    tile(data, 3, tmp_path, {})
    said = [record.getMessage() for record in caplog.records if record.name == "diode_pl.distillation.jobs.tile"]
    assert said[-1].startswith(f"{tmp_path / 'images'}: 3 tiled images, ")
    assert [message.startswith("tiling=none") for message in said] == [True, False][tiles - 1 :]


def test_nothing_is_made_without_training_images(tmp_path: Path) -> None:
    module, _, _ = parts()
    data = DetectionData(None, shapes("val", VALIDATION), Fixed(1), {})
    with pytest.raises(ValueError, match="data@train=none .*choose data@train.*task=evaluate"):
        Distillation(tiny_detector(), tiny_teacher(), {"mimic": Mimic()}, module.recipe, data)
    with pytest.raises(ValueError, match="data@train=none .*choose data@train"):
        tile(data, 5, tmp_path, {})
    with pytest.raises(ValueError, match="count must be >= 1, got 0"):
        tile(some_data(), 0, tmp_path, {})


def test_another_accelerator_and_other_overrides_go_on(tmp_path: Path) -> None:
    run(tmp_path, epochs=1, settings={"overrides": ["a=1"], "trainer": {"accelerator": "gpu"}})
    run(tmp_path, epochs=1, settings={"overrides": ["a=2"], "trainer": {"accelerator": "cpu"}})


def test_nothing_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run(tmp_path / "there", epochs=1)
    assert not list((tmp_path / "here").iterdir())


def test_no_validation_images_no_scores_but_a_student(tmp_path: Path) -> None:
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
    assert metrics["student"] == metrics["teacher"] == {} and metrics["best"] is None
    with pytest.raises(ValueError, match="choose data@val"):
        measure(tmp_path, val=None)


def test_says_what_is_wrong_with_a_checkpoint(tmp_path: Path, whole: Path) -> None:
    given = tmp_path / "given.ckpt"
    with pytest.raises(ValueError, match="ckpt: .*given.ckpt does not exist"):
        run(tmp_path / "new", ckpt=given)
    given.write_bytes((whole / "student.ckpt").read_bytes()[:1000])
    for path in (given, whole / "student.safetensors"):
        with pytest.raises(ValueError, match=r"not a checkpoint of train\.py, or is damaged.*student\.weights=FILE"):
            run(tmp_path / "new", ckpt=path)
    with pytest.raises(ValueError, match=r"is of another student, .*detector@student"):
        few = tiny_detector(names=("mug", "key"))
        run(tmp_path / "new", ckpt=whole / "student.ckpt", student=few, teacher=None, losses={"labels": Detection()})
    with pytest.raises(ValueError, match=r"has 3 epochs behind it.*trainer\.max_epochs=2 counts"):
        run(tmp_path / "new", epochs=2, ckpt=whole / "student.ckpt")
    with pytest.raises(ValueError, match=r"not a checkpoint of train\.py, or is damaged"):
        (tmp_path / "new" / "student.ckpt").write_bytes(given.read_bytes())
        run(tmp_path / "new")


def test_two_processes_measure_as_one(tmp_path: Path, whole: Path) -> None:
    expected = json.loads((whole / "metrics.json").read_text())
    score, _ = measure(tmp_path, whole / "student.ckpt", devices=2)
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["student"] == pytest.approx(expected["student"], rel=1e-4)
    assert measured["teacher"] == pytest.approx(expected["teacher"], rel=1e-4)
    truths = {name: scores["truths"] for name, scores in expected["per_class"].items()}
    assert {name: scores["truths"] for name, scores in measured["per_class"].items()} == truths
    assert score == pytest.approx(expected["student"]["AP50"])
