"""What a detector finds in finished images."""

from pathlib import Path

import pytest
import torch

from diode_pl.synthesis.scoring import describe_findings, match_learned, score_images
from diode_pl.targets import Targets
from tests.tiny_network import tiny_network

IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BOX = torch.tensor([[0.2, 0.2, 0.7, 0.7]])


def targets(label: int) -> Targets:
    return Targets.from_images([(BOX, torch.tensor([label]))] * 2)


def test_without_a_target_of_a_class_that_it_has_there_is_no_score(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    assert detector.class_names == ("cat", "dog")
    labels = match_learned(detector, ["key", "dog", "mug"])
    assert labels == [-1, 1]
    score, found = score_images("verifier", detector, IMAGES, targets(2), labels)
    assert score is None and len(found) == 2
    assert score_images("verifier", detector, IMAGES, targets(1), labels)[0] is not None
    empty = Targets.from_images([(torch.zeros(0, 4), torch.zeros(0))] * 2)
    assert score_images("teacher", detector, IMAGES, empty)[0] is None


def test_what_it_sees_is_in_the_classes_of_the_targets(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    plain = score_images("teacher", detector, IMAGES, targets(0))[1]
    moved = score_images("verifier", detector, IMAGES, targets(5), [5, -1])[1]
    for before, after in zip(plain, moved, strict=True):
        assert after.labels.tolist() == [5] * int((before.labels == 0).sum())
    described = describe_findings({"verifier": moved}, (32, 32), {"verifier": [5, -1]})
    assert described["known_classes"] == {"verifier": [5]} and len(described["detections"]["verifier"]) == 2


def test_outputs_that_are_not_finite_name_the_detector(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path).freeze()
    detector.state_dict()["layers.0.norm.running_mean"][0] = torch.nan
    with pytest.raises(ValueError, match="^verifier: its outputs are not finite"):
        score_images("verifier", detector, IMAGES, targets(0))
