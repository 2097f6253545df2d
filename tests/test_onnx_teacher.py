"""docs/onnx_teacher.md: every command of the page runs, on a tiny file."""

import json
from pathlib import Path

import pytest

import synthesize
import train
from tests.command_line import run_failing
from tests.detector.onnx.small_files import NAMES, need_package, write_model
from tests.page_commands import STAGE, STUDENT, run_page, write_pictures

# What makes the page's commands short.
SHORTER = {
    "runs/pages": STAGE,
    "runs/student": f"{STUDENT} student.cfg.width=0.1",
    "runs/found": "resolution=64",
    "runs/teacher_scores": "batch_size=2 resolution=64",
    "runs/judged": STAGE,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small file in place of the PicoDet, pictures, and labeled ones."""
    need_package()
    write_model(tmp_path / "layout_cdla.onnx", constants=True)
    write_pictures(tmp_path, NAMES)
    return tmp_path


def test_every_command_runs(folder: Path) -> None:
    run_page("onnx_teacher.md", folder, SHORTER, "onnx2torch>=1.5.15")
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
