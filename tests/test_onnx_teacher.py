"""docs/onnx_teacher.md: every command of the page runs, on a tiny file."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import predict
import synthesize
import train
from tests.command_line import ROOT, run_failing, run_main
from tests.detector.onnx.small_files import NAMES, need_package, write_model

SCRIPTS = {"synthesize.py": synthesize, "train.py": train, "predict.py": predict}
PAGE = (ROOT / "docs" / "onnx_teacher.md").read_text(encoding="utf-8")
STAGE = "num_images=2 batch_size=2 schedule.stages.0.iterations=3 schedule.stages.0.resolution=64"
# What makes the page's commands short.
SHORTER = {
    "runs/pages": STAGE,
    "runs/student": "batch_size=2 trainer.max_epochs=1 data.steps_per_epoch=2 trainer.check_val_every_n_epoch=1 "
    "student.cfg.width=0.1",
    "runs/found": "resolution=64",
    "runs/teacher_scores": "batch_size=2 resolution=64",
    "runs/judged": STAGE,
}


def commands() -> list[list[str]]:
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    return [shlex.split(line) for line in shell.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small file in place of the PicoDet, pictures, and labeled ones."""
    need_package()
    write_model(tmp_path / "layout_cdla.onnx", constants=True)
    draw = np.random.default_rng(0)
    for place in ("pictures", "labeled/images/val", "labeled/labels/val"):
        (tmp_path / place).mkdir(parents=True)
    for i in range(2):
        picture = Image.fromarray(draw.integers(0, 255, (64, 64, 3), dtype=np.uint8))
        picture.save(tmp_path / f"pictures/{i}.png")
        picture.save(tmp_path / f"labeled/images/val/{i}.png")
        (tmp_path / f"labeled/labels/val/{i}.txt").write_text(f"{i} 0.5 0.5 0.5 0.5\n")
    about = {"path": str(tmp_path / "labeled"), "train": "images/val", "val": "images/val", "names": list(NAMES)}
    (tmp_path / "labeled/data.yaml").write_text(yaml.safe_dump(about))
    return tmp_path


def test_every_command_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    ran = set()
    for program, *words in commands():
        if program == "pip":
            assert words == ["install", "onnx2torch>=1.5.15"]
            continue
        script, *overrides = words
        place = next(word.partition("=")[2] for word in overrides if word.startswith("output_dir"))
        more = SHORTER[place].split() + ([] if script == "predict.py" else ["trainer.accelerator=cpu", "logger=none"])
        run_main(SCRIPTS[script], *overrides, *more, cwd=folder)
        ran.add(place)
    assert ran == set(SHORTER)
    made = json.loads((folder / "runs/pages/annotations.json").read_text())
    assert len(made["images"]) == 2 and {each["name"] for each in made["categories"]} == set(NAMES)
    assert (folder / "runs/student/student.safetensors").is_file()
    assert "AP50" in json.loads((folder / "runs/teacher_scores/measured.json").read_text())["student"]


def test_errors_are_one_line_that_says_the_way_out(folder: Path) -> None:
    write_model(folder / "folded.onnx", folded=True)
    given = [synthesize, "detector@teacher=onnx", "detector@verifier=none", "output_dir=runs/a"]
    said = run_failing(*given, "teacher.weights=folded.onnx", cwd=folder)
    assert "error: teacher.weights: folded.onnx has no BatchNormalization nodes" in said and "Traceback" not in said
    said = run_failing(
        train,
        "detector@teacher=none",
        "detector@student=onnx",
        "student.weights=layout_cdla.onnx",
        "distill=detection",
        "data@train=yolo",
        "train.root=labeled",
        "train.split=val",
        "resolution=64",
        "data@val=none",
        "output_dir=runs/b",
        cwd=folder,
    )
    assert "error: student: Onnx is a teacher or a verifier only" in said and "Traceback" not in said
