from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector import Detector, RetinaNet
from diode_pl.detector.torchvision.frozen_norms import freeze_norms, frozen_norm_metadata
from diode_pl.report import save_weights
from tests.detector.torchvision.small_networks import NAMES, tiny_retinanet


def frozen(eps: float) -> Detector:
    """A detector whose norm layers see numbers that hardly vary."""
    detector = RetinaNet(tiny_retinanet, None, NAMES).eval()
    freeze_norms(detector)
    for layer in detector.norm_layers():
        assert isinstance(layer, FrozenBatchNorm2d)
        layer.eps = eps
        layer.running_var.uniform_(1e-6, 1e-5)
        layer.weight.copy_(layer.running_var.sqrt())
    return detector


@pytest.mark.parametrize("eps", [0.0, 1e-5, 1e-3])
@torch.no_grad()
def test_a_detector_answers_as_before_once_its_file_is_loaded(tmp_path: Path, eps: float) -> None:
    source, path = frozen(eps), tmp_path / "student.safetensors"
    save_weights(source, path)
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["frozen_norm_eps"] == str(eps)
    loaded, images = RetinaNet(tiny_retinanet, path, NAMES).eval(), torch.rand(1, 3, 64, 64)
    assert loaded.fingerprint() == source.fingerprint()
    for found, expected in zip(loaded(images).heads, source(images).heads, strict=True):
        assert torch.equal(found, expected)


def test_nothing_is_noted_of_norm_layers_that_learn() -> None:
    assert frozen_norm_metadata(nn.Sequential(nn.BatchNorm2d(2))) == {}
