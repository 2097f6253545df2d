"""docs/ultralytics.md: every command of the page runs, on tiny files."""

import json
from pathlib import Path

import pytest
import yaml

import synthesize
from tests.command_line import run_failing
from tests.detector.ultralytics.small_networks import NAMES, need_package, tiny_model, write_best
from tests.page_commands import STAGE, STUDENT, run_page, write_pictures

# What makes the page's commands short.
SHORTER = {
    "runs/images": STAGE,
    "runs/judged": STAGE,
    "runs/student": STUDENT,
    "runs/darknet_student": f"{STUDENT} student.cfg.width=0.1",
    "runs/scores": "batch_size=2 resolution=64",
    "runs/teacher_scores": "batch_size=2",
    "runs/found": "resolution=64",
    "runs/teacher_finds": "",
    "student.onnx": "resolution=64",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ``best.pt``, a small network in place of YOLO11n, pictures, and labeled ones."""
    write_best(tmp_path / "best.pt", model=tiny_model())
    (tmp_path / "yolo11n.yaml").write_text(yaml.safe_dump(tiny_model()))
    write_pictures(tmp_path, NAMES)
    return tmp_path


def test_every_command_runs(folder: Path) -> None:
    need_package()
    run_page("ultralytics.md", folder, SHORTER, "ultralytics>=8.4")
    made = json.loads((folder / "runs/images/annotations.json").read_text())
    assert len(made["images"]) == 2 and {each["name"] for each in made["categories"]} == set(NAMES)
    for file in ("student.safetensors", "student.pt", "student.onnx"):
        assert (folder / "runs/student" / file).is_file(), file
    assert not (folder / "runs/darknet_student/student.pt").exists() and (folder / "student.onnx").is_file()


def test_errors_are_one_line_that_says_the_way_out(folder: Path) -> None:
    need_package()
    given = [synthesize, "detector@teacher=ultralytics", "detector@verifier=none", "output_dir=runs/a"]
    said = run_failing(*given, "teacher.weights=yolo11n.pt", cwd=folder)
    assert "error: teacher.weights: " in said and "yolo11n.pt does not exist, and nothing is downloaded here" in said
    said = run_failing(*given, "teacher.model=yolo11n.yaml", cwd=folder)
    assert "teacher: nothing can be learned from a teacher (Ultralytics) with random weights" in said
    said = run_failing(*given, cwd=folder)
    assert "error: teacher.model: expected a network of ultralytics such as yolo11n.yaml" in said
    assert "Traceback" not in said and not (folder / "yolo11n.pt").exists()
