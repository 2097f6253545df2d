"""Trainings that were stopped, and those that go on from another one."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from diode_pl.classifier import ClassifierCard, CropClassifier, encode_classifier
from diode_pl.distillation.losses import FKD, BlockFeatures, Decoded, Dicod, DistillLoss, Mimic
from diode_pl.distillation.losses.dicod import DetectorAsClassifier, TrainedClassifier
from diode_pl.provenance import Provenance
from tests.training_run import (
    EPOCHS,
    NAMES,
    StopsAt,
    checkpoint,
    parts,
    run,
    same,
    tiny_detector,
    without_seconds,
)

pytestmark = pytest.mark.usefixtures("quick_report")


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
            for key in ("exported", "student", "per_class"):
                del each[key]
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
    return {"decoded": Decoded(), "block": BlockFeatures(), "fkd": FKD(balance=0.1), "dicod": dicod}


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


def test_goes_on_in_another_folder(tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path / "first", epochs=EPOCHS, callbacks={"accident": StopsAt(1)})
    there = (tmp_path / "first" / "student.ckpt").read_bytes()
    run(tmp_path / "second", epochs=EPOCHS, ckpt=tmp_path / "first" / "student.ckpt")
    assert_same_end(tmp_path / "second", whole, best=False)
    assert (tmp_path / "first" / "student.ckpt").read_bytes() == there
    # Given again, the same command goes on from its own checkpoint, and says so.
    assert "is ignored" not in caplog.text
    run(tmp_path / "second", epochs=EPOCHS, ckpt=tmp_path / "first" / "student.ckpt")
    assert_same_end(tmp_path / "second", whole, best=False)
    assert f"ckpt: {tmp_path / 'first' / 'student.ckpt'} is ignored" in caplog.text


def test_settings_of_the_optimizer_are_those_of_this_run(tmp_path: Path, whole: Path) -> None:
    slower = partial(torch.optim.SGD, lr=0.001, momentum=0.8, weight_decay=0.01)
    run(tmp_path, epochs=EPOCHS + 1, ckpt=whole / "student.ckpt", optimizer=slower)
    (state,) = checkpoint(tmp_path)["optimizer_states"]
    weights = next(group for group in state["param_groups"] if group["kind"] == "weights")
    assert 0 < weights["lr"] < 0.001 and weights["momentum"] == 0.8 and weights["weight_decay"] == 0.01


def test_goes_on_with_the_losses_that_it_learned_with(tmp_path: Path, whole: Path) -> None:
    losses = {"mimic": Mimic(), "fkd": FKD()}
    run(tmp_path / "fkd", epochs=1, losses=losses)
    way_out = r"another objective, \d+ tensors differ; objective\..*Use the same losses and teacher"
    for name, given in (("without", {"ckpt": tmp_path / "fkd"}), ("with", {"ckpt": whole, "losses": losses})):
        with pytest.raises(ValueError, match=way_out):
            run(tmp_path / name, epochs=EPOCHS + 1, **given | {"ckpt": given["ckpt"] / "student.ckpt"})
        assert not list((tmp_path / name).iterdir())
    with pytest.raises(ValueError, match=r"another student.*Use the same student"):  # though fkd differs, too
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


def test_another_accelerator_and_other_overrides_go_on(tmp_path: Path) -> None:
    run(tmp_path, epochs=1, settings={"overrides": ["a=1"], "trainer": {"accelerator": "gpu"}})
    run(tmp_path, epochs=1, settings={"overrides": ["a=2"], "trainer": {"accelerator": "cpu"}})
