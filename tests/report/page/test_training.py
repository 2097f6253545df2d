"""What is read of a training."""

import json
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.report.page.training import read_training
from tests.report.page.runs import metrics, write_some_predictions, write_training


def test_scores_configuration_and_predictions(tmp_path: Path) -> None:
    content = read_training(write_training(tmp_path))
    assert content.metrics["student"]["AP50"] == 0.5 and content.configuration["seed"] == 0
    assert len(content.images) == 3 and content.of == 6 and set(content.errors) == {"teacher", "student"}
    first = content.images[0]
    assert first["seen"] == {"teacher": 0.9, "student": 0.0}
    assert first["boxes"]["student"] == [[0.0, 0.0, 8.0, 6.0, 1, 0.7, "classification"]]
    assert content.crops is None


def test_an_evaluation_in_the_folder_of_a_training_has_its_own(tmp_path: Path) -> None:
    write_training(tmp_path)
    (tmp_path / "measured.json").write_text(json.dumps({"student": {"AP50": 0.1}, "data_access": "given weights"}))
    write_some_predictions(tmp_path / "measured", images=1)
    content = read_training(tmp_path, "measured.json")
    assert content.metrics["data_access"] == "given weights" and len(content.images) == 1 and not content.configuration


def test_a_classifier_shows_its_crops(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"accuracy": 0.9, "data_access": "teacher-only"}))
    Image.new("RGB", (50, 50)).save(tmp_path / "crops.png")
    assert read_training(tmp_path).crops and not read_training(tmp_path).images


@pytest.mark.parametrize("content", ["[]", "{}", json.dumps(metrics() | {"data_access": 3})[:-9]])
def test_what_is_no_training_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(ValueError, match=r"metrics\.json (does not hold the scores of a run|is not JSON)"):
        read_training(tmp_path)
