"""The table that closes `make demo`, from files written by hand."""

import json
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from benchmarks import demo_table
from diode_pl.io.assets import asset

IMAGES = {"images": 48, "seconds": 71.6, "scores": {"teacher_map50": 0.7832, "verifier_map50": 0.5}}
STUDENT = {"student": {"AP50": 0.3456}, "teacher": {"AP50": 0.9243}, "epochs": 12, "seconds": 130.2}
STUDENT |= {"data_access": "teacher +verifier"}


def printed(
    folder: Path, images: dict, student: dict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    for name, content in (("images/dataset.json", images), ("student/metrics.json", student)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(json.dumps(content))
    monkeypatch.setattr(sys, "argv", ["demo_table.py", str(folder / "images"), str(folder / "student")])
    demo_table.main()
    return [line for line in capsys.readouterr().out.splitlines() if line.strip()]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


def test_scores_seconds_access_and_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(tmp_path, IMAGES, STUDENT, monkeypatch, capsys)
    with safe_open(asset("yolov3_res_shapes.safetensors"), "pt") as weights:
        measured = f"{float(weights.metadata()['AP50']):.3f}"
    assert list(map(cells, lines[:4])) == [
        ["AP at IoU 0.5", "synthetic images", "validation images"],
        ["teacher", "0.783", "0.924"],
        ["verifier, which had no part in it", "0.500", measured],
        ["student, from scratch on these images", "–", "0.346"],
    ]
    assert len({line.index(cells(line)[1]) for line in lines[:4]}) == 1, "columns stand below each other"
    access = "the student has seen: teacher +verifier"
    assert lines[4].strip() == f"48 images in 72 s, all processes together, 12 epochs in 130 s; {access}"
    pictures = ["images/contact_sheet.png", "student/predictions.png", "student/curves.png"]
    assert [line.strip() for line in lines[5:]] == [str(tmp_path / picture) for picture in pictures]


def test_what_was_not_measured_is_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(tmp_path, IMAGES | {"scores": {}}, STUDENT | {"student": {}}, monkeypatch, capsys)
    assert [cells(line)[1] for line in lines[1:4]] == ["–", "–", "–"]
    assert cells(lines[1])[2] == "0.924" and cells(lines[3])[2] == "–"
