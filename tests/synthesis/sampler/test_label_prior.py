from pathlib import Path

import pytest
import torch

from diode_pl.synthesis.sampler import LabelPrior
from tests.detector.detectors import BUILDS, NAMES
from tests.tiny_network import tiny_network


def test_classes_and_anchors_are_the_teachers(tmp_path: Path) -> None:
    prior = LabelPrior.from_teacher(tiny_network(tmp_path))
    assert prior.classes == {"cat": 0, "dog": 1}
    expected = torch.tensor([8.0, 14.0, 22.0]) / 32  # pixels of a network of 32 px
    torch.testing.assert_close(prior.anchors, expected[:, None].expand(3, 2))


def test_classes_without_training_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    teacher = tiny_network(tmp_path)
    monkeypatch.setattr(teacher, "learned_classes", lambda: {"dog": 1})
    assert LabelPrior.from_teacher(teacher).classes == {"dog": 1}
    assert "no training example: cat (twin_similarity=1" in caplog.records[0].getMessage()


def test_a_teacher_that_learned_nothing_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = tiny_network(tmp_path)
    monkeypatch.setattr(teacher, "learned_classes", dict)
    with pytest.raises(ValueError, match="^teacher: no class counts as trained"):
        LabelPrior.from_teacher(teacher)


@pytest.mark.parametrize("name", BUILDS)
def test_only_darknet_networks_have_anchors_that_were_fit(name: str) -> None:
    anchors = LabelPrior.from_teacher(BUILDS[name].lively(NAMES)).anchors
    assert (len(anchors) > 0) == (name == "darknet") and anchors.shape[1] == 2
