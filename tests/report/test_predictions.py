"""Predictions in the folder of a run: what is written is what is read."""

from pathlib import Path

import torch
from PIL import Image

from diode_pl.detector import Detections
from diode_pl.report.predictions import read_predictions, write_predictions
from diode_pl.targets import Targets
from tests.report.page.runs import NAMES, write_some_predictions


def test_boxes_scores_and_errors_come_back(tmp_path: Path) -> None:
    write_some_predictions(tmp_path)
    found = read_predictions(tmp_path)
    assert found is not None and found["class_names"] == list(NAMES) and found["of"] == 6
    first = found["images"][0]
    assert Image.open(first["path"]).size == (16, 12) and first["name"] == "0.png"
    assert first["truth"] == {"boxes": [[0.0, 0.0, 8.0, 6.0]], "labels": [0]}
    assert first["detections"]["teacher"]["errors"] == ["correct"]
    # Detections of hardly any score are summed up, and not kept one by one.
    student = first["detections"]["student"]
    assert student == {
        "boxes": [[0.0, 0.0, 8.0, 6.0]],
        "labels": [1],
        "scores": [0.7],
        "errors": ["classification"],
    }
    errors = found["errors"]["student"]
    assert errors["ap50"] > 0.9 and errors["counts"]["classification"] == 3 and errors["counts"]["missed"] == 0


def test_a_detector_is_measured_on_its_own_classes(tmp_path: Path) -> None:
    """Neither truths of classes that it lacks nor what it finds of others counts."""
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]])
    truths = Targets.from_images([(boxes, torch.tensor([0, 2]))])
    found = Detections(boxes, torch.tensor([0.9, 0.8]), torch.tensor([0, 1]))
    write_predictions(tmp_path, torch.rand(1, 3, 8, 8), ["a"], truths, {"teacher": [found]}, NAMES, {"teacher": [0]}, 1)
    content = read_predictions(tmp_path)
    assert content is not None and content["known_classes"] == {"teacher": [0]}
    assert content["images"][0]["detections"]["teacher"]["labels"] == [0]
    assert content["errors"]["teacher"]["ap50"] == 1 and not any(content["errors"]["teacher"]["counts"].values())
    assert len(content["images"][0]["truth"]["labels"]) == 2


def test_every_truth_is_kept(tmp_path: Path) -> None:
    """Of detections the best ones are enough."""
    boxes = torch.rand(50, 2).repeat(1, 2) * 0.5 + torch.tensor([0, 0, 0.2, 0.2])
    truths = Targets.from_images([(boxes, torch.zeros(50))])
    write_predictions(tmp_path, torch.rand(1, 3, 8, 8), ["a"], truths, {}, NAMES, {}, 1)
    content = read_predictions(tmp_path)
    assert content is not None and len(content["images"][0]["truth"]["boxes"]) == 50


def test_large_pictures_become_small(tmp_path: Path) -> None:
    write_predictions(
        tmp_path,
        torch.rand(1, 3, 300, 600),
        ["a"],
        Targets.from_images([(torch.zeros(0, 4), torch.zeros(0))]),
        {},
        NAMES,
        {},
        1,
    )
    content = read_predictions(tmp_path)
    assert content is not None and Image.open(content["images"][0]["path"]).size == (256, 128)
    assert (content["images"][0]["width"], content["images"][0]["height"]) == (600, 300)


def test_nothing_or_damage_is_none(tmp_path: Path) -> None:
    assert read_predictions(tmp_path) is None
    (tmp_path / "predictions.json").write_text('{"images": [3]}')
    assert read_predictions(tmp_path) is None
