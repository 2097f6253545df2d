"""`python predict.py` and `python export.py` as people run them, on a weights file that needs no other key."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

import export
import predict
import synthesize
from diode_pl.detector import load_weights_file
from diode_pl.report import save_weights
from tests.command_line import ROOT, run_failing, run_main
from tests.tiny_network import SHORT, tiny_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds ``student.safetensors`` and ``picture.jpg``, and where it came from."""
    folder = tmp_path_factory.mktemp("files")
    detector = tiny_network(folder / "definition")
    save_weights(detector, folder / "student.safetensors", {"resolution": "64", "data_access": "teacher-only"})
    torch.manual_seed(0)
    pixels = (torch.rand(90, 120, 3) * 255).to(torch.uint8)
    Image.fromarray(pixels.numpy()).save(folder / "picture.jpg")
    return folder


def test_predictions(folder: Path) -> None:
    words = ("weights=student.safetensors", "source=picture.jpg", "output_dir=out", "confidence=0.05")
    run_main(predict, *words, "accelerator=cpu", cwd=folder)
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert (summary["pictures"], summary["resolution"], summary["data_access"]) == (1, 64, "teacher-only")
    assert summary["per_class"]["all"]["boxes"] == len(json.loads((folder / "out" / "results.json").read_text())) > 0
    assert summary["configuration"]["weights"] == "student.safetensors"
    assert Image.open(folder / "out" / "pictures" / "picture.jpg").size == (120, 90)
    assert f"Look at {folder / 'out' / 'pictures'}: " in (folder / "out" / "predict.log").read_text()


def test_a_detector_by_its_name(folder: Path) -> None:
    """For files that do not say what they belong to."""
    keys = [f"detector.{key}={folder / 'definition' / f'tiny.{key}'}" for key in ("cfg", "names")]
    weights = folder / "definition" / "tiny.weights"
    words = (f"weights={weights}", "source=picture.jpg", "resolution=64", f"output_dir={folder / 'named'}")
    run_main(predict, "detector=darknet", *keys, *words, cwd=folder)
    assert json.loads((folder / "named" / "summary.json").read_text())["data_access"] == "given weights"
    said = run_failing(predict, *words, cwd=folder)
    assert "weights: " in said and "holds no architecture" in said and "detector=NAME" in said


def test_keys_are_named_in_errors(folder: Path) -> None:
    said = run_failing(predict, "weights=student.safetensors", "source=absent", "output_dir=none", cwd=folder)
    assert "error: source: " in said and "Traceback" not in said
    assert "error: weights: " in run_failing(predict, "weights=absent.safetensors", "source=.", cwd=folder)
    said = run_failing(export, "weights=student.safetensors", "resolution=63", cwd=folder)
    assert "error: resolution must be a multiple of 8 px" in said
    assert "source" in run_failing(predict, "weights=student.safetensors", cwd=folder)


def test_ten_lines_of_the_readme_run_an_export(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {*folder.iterdir()}
    run_main(export, "weights=student.safetensors", "nms=true", "confidence=0.05", cwd=folder)
    assert {*folder.iterdir()} - before == {folder / "student.onnx"}
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Predict and export")[2]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    assert sum(bool(line) for line in code.splitlines()) == 10
    capsys.readouterr()
    monkeypatch.chdir(folder)
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    # PyTorch on the same picture, which the program has stretched by Pillow, too.
    detector = load_weights_file("student.safetensors").eval()
    picture = Image.open("picture.jpg").convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)
    pixels = torch.tensor(list(picture.getdata())).view(64, 64, 3).permute(2, 0, 1)[None] / 255
    (found,) = detector.predict(detector(pixels), 0.05, 0.45)
    expected = [
        f"{detector.class_names[label]} {score:.2f}" for label, score in zip(found.labels, found.scores, strict=True)
    ]
    assert len(expected) > 0
    assert [" ".join(line.split()[:2]) for line in printed] == expected
    corners = torch.tensor([[float(v) for v in re.findall(r"-?\d+", line.partition("[")[2])] for line in printed])
    torch.testing.assert_close(corners, found.boxes * torch.tensor([120, 90, 120, 90]), rtol=0, atol=0.51)


def test_a_file_is_a_teacher_without_another_key(folder: Path, tmp_path: Path) -> None:
    words = ("teacher.weights=student.safetensors", *SHORT, "trainer.accelerator=cpu", f"output_dir={tmp_path / 'set'}")
    run_main(synthesize, *words, cwd=folder)
    record = json.loads((tmp_path / "set" / "batches" / "000000.json").read_text())
    assert record["configuration"]["teacher"]["_target_"] == "diode_pl.detector.load_weights_file"
    annotations = json.loads((tmp_path / "set" / "annotations.json").read_text())
    assert [each["name"] for each in annotations["categories"]] == ["cat", "dog"]
