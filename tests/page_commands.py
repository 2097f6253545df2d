"""The commands of a page of docs/ about detectors of a package, as people copy them, on tiny files."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import export
import predict
import synthesize
import train
from diode_pl.detector import Darknet, Detector
from diode_pl.report import export_onnx
from tests.command_line import ROOT, run_main

SCRIPTS = {"synthesize.py": synthesize, "train.py": train, "predict.py": predict, "export.py": export}
# What makes commands short.
STAGE = "num_images=2 batch_size=2 budget=0.015 schedule.stages.0.resolution=64"
STUDENT = "batch_size=2 trainer.max_epochs=1 data.steps_per_epoch=2 trainer.check_val_every_n_epoch=1"


def write_pictures(folder: Path, names: Sequence[str]) -> None:
    """Writes two pictures of noise to ``pictures``, and with a box each, as a YOLO set, to ``labeled``."""
    draw = np.random.default_rng(0)
    for place in ("pictures", "labeled/images/val", "labeled/labels/val"):
        (folder / place).mkdir(parents=True)
    for i in range(2):
        picture = Image.fromarray(draw.integers(0, 255, (64, 64, 3), dtype=np.uint8))
        picture.save(folder / f"pictures/{i}.png")
        picture.save(folder / f"labeled/images/val/{i}.png")
        (folder / f"labeled/labels/val/{i}.txt").write_text(f"{i} 0.5 0.5 0.5 0.5\n")
    about = {"path": str(folder / "labeled"), "train": "images/val", "val": "images/val", "names": list(names)}
    (folder / "labeled/data.yaml").write_text(yaml.safe_dump(about))


def spare_exports(patch: pytest.MonkeyPatch, *kinds: type[Detector]) -> None:
    """Students of these kinds leave no ONNX file, which takes ten times as long as the training of a page's test."""

    def export(student: Detector, *given: Any) -> float:
        return 0.0 if isinstance(student, kinds) else export_onnx(student, *given)

    patch.setattr("diode_pl.distillation.report.export_onnx", export)


def run_page(
    name: str, folder: Path, shorter: Mapping[str, str], package: str, spared: Sequence[type[Detector]] = (Darknet,)
) -> None:
    """Runs the commands of a page in their order; its measured part is left out.

    Args:
        name: of the file in docs/.
        folder: to run in.
        shorter: by the output of a command, what is added to it; every output is one of them, and each is made.
        package: what the page installs.
        spared: kinds of students that ``train.py`` exports to no ONNX file, as another test shows that it does.
    """
    page = (ROOT / "docs" / name).read_text(encoding="utf-8").partition("## Measured")[0]
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ")
    ran = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        spare_exports(patch, *spared)
        for line in filter(str.strip, shell.splitlines()):
            program, *words = shlex.split(line)
            if program == "pip":
                assert words == ["install", package]
                continue
            script, *overrides = words
            if script == "-c":
                exec(overrides[0], {})
                continue
            place = next(word.partition("=")[2] for word in overrides if word.startswith("output"))
            more = shorter[place].split()
            more += [] if script in ("predict.py", "export.py") else ["trainer.accelerator=cpu", "logger=none"]
            run_main(SCRIPTS[script], *overrides, *more, cwd=folder)
            ran.add(place)
    assert ran == set(shorter)
