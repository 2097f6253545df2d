"""Both entry points with torchvision's detectors: from a teacher to images, and from these to a student."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import synthesize
import train
from diode_pl.report import save_weights
from tests.command_line import run_main
from tests.detector.detectors import CASES
from tests.training_run import NAMES

Run = Callable[..., Path]
# A file of conf/detector, and what of it makes the small build of tests/detector/detectors.py.
DETECTORS = {
    "ssd": (
        "ssd300_vgg16",
        "~network",
        "+network={_target_: tests.detector.torchvision.small_networks.ssd, _partial_: true}",
        "+smallest=32",
    ),
    "faster_rcnn": (
        "fasterrcnn_shapes",
        "network._target_=tests.detector.torchvision.small_networks.faster_rcnn_network",
    ),
}


@pytest.fixture
def run(tmp_path: Path, quick_report: None) -> Run:
    """Runs an entry point in this process, which has imported everything already; returns the folder."""

    def of(script: ModuleType, folder: str, *overrides: str) -> Path:
        quiet = ["trainer.accelerator=cpu", "callbacks.progress=null", "logger=none"]
        run_main(script, f"output_dir={tmp_path / folder}", *quiet, *overrides)
        return tmp_path / folder

    return of


def who(name: str, part: str, weights: Path | None) -> list[str]:
    """Overrides that make the teacher or the student."""
    file, *changes = DETECTORS[name]
    changes += [f"names=[{','.join(NAMES)}]", f"weights={weights or 'null'}"]
    marks = [change[0] if change[0] in "+~" else "" for change in changes]
    return [
        f"detector@{part}={file}",
        *(f"{mark}{part}.{change.removeprefix(mark)}" for mark, change in zip(marks, changes, strict=True)),
    ]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_teacher_gives_images_and_a_student_learns_from_them(name: str, run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "teacher.safetensors"
    save_weights(CASES[name].lively(NAMES), weights)
    stage = ["budget=0.015", "schedule.stages.0.resolution=64"]
    made = run(
        synthesize,
        "images",
        *who(name, "teacher", weights),
        *stage,
        *["detector@verifier=none", "num_images=2", "batch_size=2"],
    )
    annotations = json.loads((made / "annotations.json").read_text())
    assert len(annotations["images"]) == 2 and len(annotations["annotations"]) >= 2
    losses = json.loads((made / "batches" / "000000.json").read_text())["losses"]
    assert ("batch_norm" in losses) == bool(CASES[name].norms[0])
    said = "left out because the teacher has no batch norm layers: batch_norm, first_batch_norm; only image priors"
    assert (made / "synthesize.log").read_text().count(said) == ("batch_norm" not in losses)

    folder = run(
        train,
        "student",
        *who(name, "teacher", weights),
        *who(name, "student", None),
        *["distill=decoded", f"train.root={made}", "resolution=64", "batch_size=2", "val.size=4"],
        *["data.steps_per_epoch=1", "trainer.max_epochs=1", "recipe.warmup_epochs=0.0", "recipe.warmup_steps=0"],
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["epochs"] == 1 and metrics["history"][0]["loss/decoded"] > 0
    assert 0 <= metrics["student"]["AP50"] <= 1 and metrics["data_access"] == "teacher-only"
