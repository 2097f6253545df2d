"""docs/own_detector.md: its example, taken from the page, goes all the way."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from torch.overrides import TorchFunctionMode

import synthesize
import train
from diode_pl.detector import Darknet
from tests.command_line import ROOT, run_main
from tests.page_commands import spare_exports

SCRIPTS = {"synthesize.py": synthesize, "train.py": train}
PAGE = (ROOT / "docs" / "own_detector.md").read_text(encoding="utf-8")
# What makes the page's commands short.
SHORTER = {
    "runs/mine": "train.size=16 val.size=8 batch_size=8 trainer.max_epochs=2 recipe.warmup_steps=1",
    "runs/my_images": "num_images=2 batch_size=2 budget=0.015 schedule.stages.0.resolution=64",
    "runs/my_student": "batch_size=2 val.size=8 trainer.max_epochs=1 trainer.check_val_every_n_epoch=1 "
    "data.steps_per_epoch=2 resolution=64",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_trained_inverted_and_distilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,), (yaml,), (shell,) = blocks("python"), blocks("yaml"), blocks("bash")
    (tmp_path / "my_detector.py").write_text(code)
    (tmp_path / "my_conf" / "detector").mkdir(parents=True)
    (tmp_path / "my_conf" / "detector" / "mine.yaml").write_text(yaml)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_detector", raising=False)
    spare_exports(monkeypatch, Darknet)  # test_train.py shows that one is exported
    ran = set()
    for command in re.findall(r"^python (.*)$", shell.replace("\\\n", " "), re.MULTILINE):
        script, *words = command.split()
        (folder,) = (word.removeprefix("output_dir=") for word in words if word.startswith("output_dir="))
        more = [*SHORTER[folder].split(), "trainer.accelerator=cpu", "logger=none"]
        run_main(SCRIPTS[script], *words, *more, cwd=tmp_path)
        ran.add(folder)
    assert ran == set(SHORTER)
    assert len(json.loads((tmp_path / "runs/my_images/annotations.json").read_text())["images"]) == 2
    # Whatever it learned, a student of another build was made from it.
    metrics = json.loads((tmp_path / "runs/my_student/metrics.json").read_text())
    assert 0 <= metrics["student"]["AP50"] <= 1 and (tmp_path / "runs/mine/student.onnx").is_file()


@pytest.fixture
def cell_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    (tmp_path / "my_detector.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    from my_detector import CellDetector

    return CellDetector


def test_the_example_is_short() -> None:
    assert len(blocks("python")[0].splitlines()) <= 60


class Devices(TorchFunctionMode):
    """Notes where tensors are made."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.seen.add(made.device.type)
        return made


def test_the_example_moves_nothing_to_its_device(cell_detector: type) -> None:
    """A GPU would be waited for at every step."""
    detector, devices = cell_detector(["cat", "dog"]).to("meta"), Devices()
    images = torch.rand(2, 3, 64, 32, device="meta")
    with devices:
        found = detector.decode(detector(images))
    assert devices.seen == {"meta"} and found.boxes.shape == (2, 8, 4)


def test_the_candidates_of_the_example_lie_row_by_row(cell_detector: type) -> None:
    detector = cell_detector(["cat", "dog"]).eval()
    found = detector.decode(detector(torch.rand(1, 3, 64, 32)))
    inside = (found.boxes[0, :, :2] + found.boxes[0, :, 2:]) / 2
    assert bool(((found.cells[:, :2] < inside) & (inside < found.cells[:, 2:])).all())
    expected = [[x / 2, y / 4, (x + 1) / 2, (y + 1) / 4] for y in range(4) for x in range(2)]
    assert found.cells.tolist() == expected


def test_the_example_learns(cell_detector: type) -> None:
    from diode_pl.targets import Targets

    torch.manual_seed(0)
    detector = cell_detector(["cat", "dog"])
    images = torch.rand(2, 3, 64, 64)
    targets = Targets(
        torch.tensor([[0.1, 0.1, 0.5, 0.6], [0.4, 0.3, 0.9, 0.9]]), torch.tensor([0, 1]), torch.tensor([0, 1]), 2
    )
    optimizer, losses = torch.optim.Adam(detector.parameters(), 0.01), []
    for _ in range(60):
        terms = detector.loss(detector(images), targets)
        assert terms.keys() == {"objectness", "classes", "box"}
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        losses.append(float(sum(terms.values()).detach()))
    assert losses[-1] < 0.2 * losses[0]
    found = detector.predict(detector(images), confidence=0.3)
    assert [int(each.labels[0]) for each in found] == [0, 1]
