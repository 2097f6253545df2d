"""docs/transformers.md: every command of the page runs, on tiny files."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import export
import predict
import synthesize
import train
from tests.command_line import ROOT, run_failing, run_main
from tests.detector.huggingface.small_networks import NAMES, description, need_package, write_folder

SCRIPTS = {"synthesize.py": synthesize, "train.py": train, "predict.py": predict, "export.py": export}
PAGE = (ROOT / "docs" / "transformers.md").read_text(encoding="utf-8").partition("## Measured")[0]
STAGE = "num_images=2 batch_size=2 schedule.stages.0.iterations=3 schedule.stages.0.resolution=64"
STUDENT = "batch_size=2 trainer.max_epochs=1 data.steps_per_epoch=2 trainer.check_val_every_n_epoch=1"
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


def commands() -> list[list[str]]:
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    return [shlex.split(line) for line in shell.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a folder of a model, a small network in place of RT-DETR, pictures, and labeled ones."""
    need_package()
    write_folder(tmp_path / "model", num_denoising=4)
    # As many queries as 64 px have places: of a network that has hardly learned, rounding would choose others.
    (tmp_path / "small.json").write_text(json.dumps(description("rt_detr") | {"num_queries": 80}))
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
            assert words == ["install", "diode_pl[transformers]"]
            continue
        script, *overrides = words
        if script == "-c":
            exec(overrides[0], {})
            continue
        place = next(word.partition("=")[2] for word in overrides if word.startswith("output"))
        more = SHORTER[place].split()
        more += [] if script in ("predict.py", "export.py") else ["trainer.accelerator=cpu", "logger=none"]
        run_main(SCRIPTS[script], *overrides, *more, cwd=folder)
        ran.add(place)
    assert ran == set(SHORTER)
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
