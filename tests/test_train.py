"""`python train.py` as people and scripts run it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

import train as entry_point
from diode_pl.detector import Darknet, yolov3_tiny
from tests.command_line import ENVIRONMENT, ROOT, run_main, show_help
from tests.training_run import ANCHORS, NAMES, checkpoint, same, without_seconds, write_teacher

FILES = {"student.ckpt", "best.ckpt", "student.safetensors", "student.onnx", "metrics.json", "curves.png"}
FILES |= {"predictions.png", "predictions", "report.html", "configuration.json", "logs", "train.log"}
Train = Callable[..., Path]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture
def train(tiny: list[str], tmp_path: Path) -> Train:
    """Runs the entry point in this process, which has imported everything already; returns the folder."""

    def run(
        *overrides: object, output_dir: Path = tmp_path / "run", without: str | tuple[str, ...] = "nothing"
    ) -> Path:
        kept = [override for override in tiny if not override.startswith(without)]
        run_main(entry_point, f"output_dir={output_dir}", *kept, *overrides)
        return output_dir

    return run


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def whole(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of its own, in the terminal."""
    folder = tmp_path_factory.mktemp("whole")
    run = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *tiny, "output_dir=run"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (folder / "said").write_text(run.stdout + run.stderr)
    return folder / "run"


def test_help_answers_at_once() -> None:
    shown = show_help("train")
    for word in ("data@train", "detector@student", "tiling", "distill", "$DIODE_WEIGHTS", "ckpt=PATH", "task.count=N"):
        assert word in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_a_run_leaves_all_that_is_promised(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == FILES
    assert {path.name for path in whole.parent.iterdir()} == {"run", "said"}
    found = metrics(whole)
    assert found["data_access"] == "teacher +real images"
    first, last = found["history"]
    assert last["loss/mimic"] < first["loss/mimic"] and found["exported"]["of"] == 2
    exported = found["history"][found["exported"]["epoch"] - 1]
    assert exported["val/AP50"] == found["student"]["AP50"] == max(first["val/AP50"], last["val/AP50"])
    assert found["teacher"]["AP50"] > 0 and set(found["per_class"]) == set(NAMES)
    for name in ("curves.png", "predictions.png"):
        Image.open(whole / name).verify()
    student = Darknet(yolov3_tiny(8, 0.05, ANCHORS), whole / "student.safetensors", NAMES, backbone_sections=13)
    state = checkpoint(whole, "best.ckpt")["state_dict"]
    assert same({f"student.{name}": value for name, value in student.state_dict().items()}, dict(state))
    recorded = json.loads((whole / "configuration.json").read_text())
    assert recorded["train"]["size"] == 24 and len(recorded["teacher_sha256"]) == 64


def test_a_run_says_how_good_the_teacher_is_first_and_what_it_wrote(whole: Path) -> None:
    said = (whole.parent / "said").read_text()
    order = [
        "teacher on the validation set: AP50",
        "student.onnx: boxes and scores differ",
        "data access teacher +real",
    ]
    assert [said.index(each) for each in order] == sorted(said.index(each) for each in order)
    assert "Warning" not in said and "Traceback" not in said


def test_a_killed_run_ends_like_one_that_was_not(
    tiny: list[str], whole: Path, tmp_path: Path, train: Train, quick_report: None
) -> None:
    # Slow enough to be struck in its second epoch.
    command = [sys.executable, str(ROOT / "train.py"), *tiny, "output_dir=run", "data.workers=1"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=ENVIRONMENT)
        while not (tmp_path / "run" / "student.ckpt").exists():
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "run" / "metrics.json").exists()
    folder = train(output_dir=tmp_path / "run")
    for key in ("state_dict", "current_model_state", "optimizer_states"):
        assert same(checkpoint(folder)[key], checkpoint(whole)[key]), key
    assert without_seconds(metrics(folder)["history"]) == without_seconds(metrics(whole)["history"])
    assert not list(folder.glob(".*.part"))


def test_measures_alone(whole: Path, tmp_path: Path, train: Train) -> None:
    folder = train("task=evaluate", f"ckpt={whole / 'best.ckpt'}")
    measured = json.loads((folder / "measured.json").read_text())
    assert measured["student"] == metrics(whole)["student"] and measured["teacher"] == metrics(whole)["teacher"]
    assert measured["data_access"] == metrics(whole)["data_access"]
    # Training images are not needed, and the weights alone will do, too.
    for name, root in (("none", []), ("synthetic", [f"train.root={tmp_path / 'nowhere'}"])):
        options = ["task=evaluate", f"data@train={name}", *root, f"ckpt={whole / 'best.ckpt'}"]
        folder = train(*options, output_dir=tmp_path / name, without="train.")
        again = json.loads((folder / "measured.json").read_text())
        assert again["student"] == measured["student"] and again["resolution"]["train"] is None
    folder = train("task=evaluate", f"student.weights={whole / 'student.safetensors'}", output_dir=tmp_path / "weights")
    assert json.loads((folder / "measured.json").read_text())["student"] == measured["student"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["data@val=none", "optimizer=adamw", "optimizer.lr=0.01", "recipe.bias_lr=0.01"],
        ["trainer.precision=bf16-mixed", "alpha_detection=0.01", "logger=none", "data.multi_scale=[32,64]"],
        ["distill=decoded", "student.cfg.anchors=[14,14,20,20,32,32,42,42,68,68,110,110]", "tiling=coco_like"],
        ["distill=objectness_scaled", "callbacks.ema=null", "train.labeled=false", "data@train=shapes_near"],
        ["+experiment=yolov3_tiny_shapes", "trainer.precision=32-true", "trainer.check_val_every_n_epoch=9"],
    ],
    ids=["adamw without val", "bf16 and labels", "decoded", "objectness-scaled", "labels alone"],
)
def test_other_ways_to_train(overrides: list[str], train: Train, quick_report: None) -> None:
    supervised = ("teacher.", "detector@teacher=")
    without = {"data@val=none": "val.", "+experiment=yolov3_tiny_shapes": supervised}.get(overrides[0], "nothing")
    found = metrics(train(*overrides, "trainer.max_epochs=1", without=without))
    assert found["epochs"] == 1 and all(torch.isfinite(torch.tensor(value)) for value in found["history"][0].values())
    if "alpha_detection=0.01" in overrides:
        assert found["data_access"] == "teacher +real images +real labels" and "loss/detection" in found["history"][0]
    if "data@val=none" in overrides:
        assert found["student"] == {}
    if "data@train=shapes_near" in overrides:
        assert found["data_access"] == "teacher +proxy images"
    if "+experiment=yolov3_tiny_shapes" in overrides:
        assert found["data_access"] == "no teacher +real images +real labels" and found["teacher"] == {}
        assert "AP50" in found["student"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["student.cfg.anchors=[14,14,20,20,32,32,42,42,68,68,110,110]"], "raw heads need the same shapes"),
        (["student.names=[a,b,c,d,e,f,g,h]"], "is one of the detector's ['a', 'b'"),
        (["distill.mimic=null"], "no loss with a weight above 0"),
        (["alpha_detection=1", "train.labeled=false"], "detection needs labels"),
        (["ckpt=nowhere.ckpt"], "nowhere.ckpt does not exist"),
        (
            ["resolution=72"],
            "resolution must be a multiple of 32 px, at least 32 px, for student and teacher, got 72 px",
        ),
        (["fit=false"], "fit has been replaced by task=evaluate"),
        (["tiled=5"], "tiled has been replaced by task=tile task.count=N"),
        (["job=classifier"], "job has been replaced by task=distill or task=classify"),
        (["batch_size=7", "trainer.devices=2", "data.mosaic=2"], "data.mosaic must be in [0, 1], got 2"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_a_line(overrides: list[str], said: str, train: Train, unchecked: None) -> None:
    with pytest.raises(SystemExit) as error:
        train(*overrides)
    assert str(error.value).startswith("error: ") and said in str(error.value)


@pytest.mark.parametrize("who", ["student", "teacher"])
def test_both_detectors_are_needed(who: str, train: Train, unchecked: None) -> None:
    with pytest.raises(SystemExit, match=f"detector@{who}="):
        train(f"detector@{who}=none", without=f"{who}.")


def test_another_configuration_in_the_same_folder_is_refused(whole: Path, train: Train) -> None:
    before = (whole / "configuration.json").read_bytes(), (whole / "student.ckpt").read_bytes()
    with pytest.raises(SystemExit) as error:
        train("data.mosaic=0.25", "optimizer.lr=0.01", output_dir=whole)
    assert "data.mosaic: 1.0 there, 0.25 now" in str(error.value)
    assert "optimizer.lr: 0.05 there, 0.01 now" in str(error.value)
    assert before == ((whole / "configuration.json").read_bytes(), (whole / "student.ckpt").read_bytes())


def test_two_processes_train_as_one(
    train: Train, quick_report: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["augmentations=student", "data.multi_scale=[32,96]"]
    options += ["trainer.max_epochs=1", "callbacks.ema=null", "distill.mimic.weight=2.0", "alpha_detection=0.1"]
    options += [
        "+callbacks.keep._target_=tests.training_run.KeepGradients",
        "+callbacks.keep.path=${output_dir}/grad.pt",
    ]
    folders = [train(*options, f"trainer.devices={n}", output_dir=tmp_path / str(n)) for n in (1, 2)]
    assert {path.name for path in folders[1].iterdir()} == FILES - {"student.onnx", "report.html"} | {"grad.pt"}
    assert "Warning" not in capfd.readouterr().err

    one, two = (torch.load(folder / "grad.pt") for folder in folders)
    squares = {name: float((two[name] - gradient).square().sum()) for name, gradient in one.items()}
    lengths = {name: float(gradient.square().sum()) for name, gradient in one.items()}
    assert min(lengths.values()) > 0 and all(squares[name] < 1e-20 * lengths[name] for name in one)

    (found,), (expected,) = (without_seconds(metrics(folder)["history"]) for folder in reversed(folders))
    assert found == pytest.approx(expected, rel=1e-6)
    assert metrics(folders[1])["teacher"] == pytest.approx(metrics(folders[0])["teacher"], rel=1e-6)


def test_a_sweep_gives_each_job_a_folder(train: Train, quick_report: None, tmp_path: Path) -> None:
    train("seed=0,1", "trainer.max_epochs=1", "--multirun")
    students = [checkpoint(tmp_path / "run" / f"seed={seed}")["state_dict"] for seed in (0, 1)]
    assert not same(*students)


def test_writes_tiled_images_instead(train: Train) -> None:
    # A set of its own: what the student could learn from it does not matter.
    folder = train("task=tile", "task.count=5", "tiling=fixed", "tiling.tiles=2", "student.names=[a,b,c,d,e,f,g,h]")
    summary = json.loads((folder / "dataset.json").read_text())
    assert summary["images"] == 5 and summary["data_access"] == "no teacher +real images +real labels"
    assert len(list((folder / "images").iterdir())) == 5 and not (folder / "student.ckpt").exists()
    assert list(summary["classes"]) == list(NAMES) and summary["boxes"] >= 10
