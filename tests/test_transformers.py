"""docs/transformers.md: every command of the page runs, on tiny files."""

import json
from pathlib import Path

import pytest

import synthesize
from diode_pl.detector import Darknet, HuggingFace
from tests.command_line import run_failing
from tests.detector.huggingface.small_networks import NAMES, description, need_package, write_folder
from tests.page_commands import STAGE, STUDENT, run_page, write_pictures

# What makes the page's commands short.
SHORTER = {
    "runs/images": STAGE,
    "runs/judged": STAGE,
    "runs/student": f"{STUDENT} student.model=small.json",
    "runs/darknet_student": f"{STUDENT} student.cfg.width=0.1",
    "runs/scores": "batch_size=2 resolution=64",
    "runs/teacher_scores": "batch_size=2",
    "runs/found": "resolution=64",
    "runs/teacher_finds": "",
    "student.onnx": "resolution=64",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a folder of a model, a small network in place of RT-DETR, pictures, and labeled ones."""
    need_package()
    write_folder(tmp_path / "model", num_denoising=4)
    # As many queries as 64 px have places: of a network that has hardly learned, rounding would choose others.
    (tmp_path / "small.json").write_text(json.dumps(description("rt_detr") | {"num_queries": 80}))
    write_pictures(tmp_path, NAMES)
    return tmp_path


def test_every_command_runs(folder: Path) -> None:
    # export.py exports the student that train.py would.
    run_page("transformers.md", folder, SHORTER, "diode_pl[transformers]", spared=(Darknet, HuggingFace))
    made = json.loads((folder / "runs/images/annotations.json").read_text())
    assert len(made["images"]) == 2 and {each["name"] for each in made["categories"]} == set(NAMES)
    assert {path.name for path in (folder / "runs/student/student").iterdir()} == {
        *("config.json", "model.safetensors", "preprocessor_config.json")
    }
    stated = json.loads((folder / "runs/student/student/preprocessor_config.json").read_text())
    assert stated["size"] == {"height": 64, "width": 64}
    assert not (folder / "runs/darknet_student/student").exists() and (folder / "student.onnx").is_file()
    assert "of its backbone's pretraining; 1" in (folder / "runs/images/synthesize.log").read_text()


def test_errors_are_one_line_that_says_the_way_out(folder: Path) -> None:
    given = [synthesize, "detector@teacher=huggingface", "detector@verifier=none", "output_dir=runs/a"]
    said = run_failing(*given, "teacher.model=PekingU/rtdetr_r18vd", cwd=folder)
    assert "error: teacher.model: PekingU/rtdetr_r18vd is not here; expected a folder with config.json" in said
    assert "hf download NAME --local-dir DIR" in said
    said = run_failing(*given, "teacher.model=rtdetr_r18", cwd=folder)
    assert "teacher: nothing can be learned from a teacher (HuggingFace) with random weights" in said
    said = run_failing(*given, cwd=folder)
    assert "error: teacher.model: expected a folder of transformers or a network such as rtdetr_r18" in said
    said = run_failing(*given, "teacher.weights=absent", cwd=folder)
    assert "error: teacher.weights: " in said and "absent does not exist; expected a folder" in said
    assert "Traceback" not in said
