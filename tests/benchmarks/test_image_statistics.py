"""Statistics of images beside those that a detector learned from."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks.image_statistics import describe, main
from diode_pl import load_detector
from diode_pl.io.images import to_pillow
from diode_pl.shapes import ShapesWorld


def test_pictures_of_the_detectors_world_are_nearest() -> None:
    detector = load_detector(weights="embedded").freeze()
    real = torch.stack([ShapesWorld("train", 12, 160)[i].image / 255 for i in range(12)])
    rows = [describe(detector, each, batch=5) for each in (real, torch.rand(12, 3, 160, 160))]
    number, mean, contrast, first, every, boxes, _ = zip(*rows, strict=True)
    assert number == ("12", "12")
    assert float(mean[0]) == pytest.approx(float(real.mean()), abs=1e-3)
    assert float(contrast[0]) == pytest.approx(float(real.flatten(1).std(dim=1).mean()), abs=1e-3)
    assert float(first[0]) < float(first[1]) / 3 and float(every[0]) < float(every[1]) / 3
    assert 2 < float(boxes[0]) < 8 < float(boxes[1])  # in noise the detector sees objects everywhere


def test_batches_do_not_matter() -> None:
    detector, images = load_detector(weights="embedded").freeze(), torch.rand(8, 3, 64, 64)
    assert describe(detector, images, batch=8) == describe(detector, images, batch=4)


def test_prints_a_row_for_each_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path / "set" / "images", tmp_path / "plain"):
        folder.mkdir(parents=True)
        to_pillow(torch.full((3, 40, 40), 0.25)).save(folder / "a.png")
    monkeypatch.setattr(sys, "argv", ["x", "embedded", str(tmp_path / "set"), str(tmp_path / "plain")])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all("| 0.251 | 0.000 |" in line for line in lines[2:])
