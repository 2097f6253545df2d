"""The first line of a run."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from diode_pl.cli.announcement import announce
from diode_pl.cli.conf import CONF

ROOT = Path(__file__).resolve().parents[2]


def first_line(name: str, *overrides: str) -> str:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(name, overrides=[*overrides, "hydra.runtime.output_dir=x"], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    choices = dict(config.hydra.runtime.choices)
    config = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return announce(name, choices, config, settings)


def test_a_synthesis_says_how_many_images_of_which_detector_and_what_is_there(tmp_path: Path) -> None:
    said = first_line("synthesize", f"output_dir={tmp_path}", "num_images=64", "detector@teacher=yolov3")
    start = "synthesize: 64 images at 160 px from yolov3, scored by yolov3_res_shapes"
    assert said == f"{start}, into {tmp_path}"
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "000000.json").touch()
    said = first_line("synthesize", f"output_dir={tmp_path}", "detector@verifier=none")
    where = f"into {tmp_path}, where 1 batches of 32 are"
    assert said == f"synthesize: 32 images at 160 px from yolov3_tiny_shapes, {where}"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["detector@teacher=yolov3", "train.root=runs/first", "trainer.max_epochs=3"],
            "train: a student (like_teacher) from teacher yolov3 on the images in runs/first (synthetic) at 160 px, "
            "3 epochs, into a",
        ),
        (
            ["detector@teacher=none", "data@train=shapes", "detector@student=yolov3", "budget_minutes=2"],
            "train: a student (yolov3) on the images of shapes at 160 px, 2 minutes, into a",
        ),
        (
            ["data@train=union", "train.sets.ours.root=b", "train.sets.public.root=c", "task=tile", "task.count=5"],
            "train: 5 images tiled from the images of b and c, into a",
        ),
        (
            ["task=evaluate", "ckpt=b/best.ckpt", "data@val=yolo", "val.root=c"],
            "train: scores of b/best.ckpt on the images in c (yolo), into a",
        ),
        (
            ["task=classify", "train.root=b"],
            "train: a classifier (resnet18) of objects in the images in b (synthetic), 300 epochs, into a",
        ),
    ],
)
def test_a_training_says_what_learns_from_what(overrides: list[str], said: str) -> None:
    assert first_line("train", *overrides, "output_dir=a") == said


def test_a_training_that_has_a_checkpoint_goes_on(tmp_path: Path) -> None:
    (tmp_path / "student.ckpt").touch()
    assert first_line("train", f"output_dir={tmp_path}").endswith(f"into {tmp_path}, continued")


def test_wrong_values_are_left_to_the_checks_that_name_them() -> None:
    assert first_line("synthesize", "schedule.stages=3", "output_dir=a") == "synthesize: into a"
    assert first_line("synthesize", "schedule.stages=[]", "output_dir=a").startswith(
        "synthesize: 32 images from yolov3"
    )


def test_what_makes_no_image_says_so() -> None:
    said = "synthesize: the files on the whole set in a"
    assert first_line("synthesize", "finish=true", "output_dir=a") == said
    assert (
        first_line("synthesize", "finish=true", "+task.verifier=x", "output_dir=a")
        == f"{said}, scored by yolov3_res_shapes"
    )


def test_the_other_entry_points_say_where_their_files_go() -> None:
    assert first_line("export", "weights=a", "output=b.onnx") == "export: a as onnx, into b.onnx"
    assert first_line("export", "weights=a") == "export: a as onnx, beside it"


EARLY = """
import sys
from diode_pl.cli import entry_points, run

def stop(*_):
    sys.exit(",".join({"torch", "pytorch_lightning", "numpy"} & sys.modules.keys()))

run.refuse_unlike_signatures = stop
entry_points.train()
"""


def test_it_comes_before_anything_that_takes_time_is_imported(tmp_path: Path) -> None:
    words = [sys.executable, "-c", EARLY, f"output_dir={tmp_path}", f"train.root={tmp_path}"]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert ended.stdout.startswith("train: a student (like_teacher) from teacher recorded on the images in ")
    assert ended.stderr.strip() == ""
