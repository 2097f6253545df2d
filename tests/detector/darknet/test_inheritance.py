"""Narrow networks that start from channels of wide ones."""

from pathlib import Path

import pytest
import torch
from torch import nn

from diode_pl.detector import Darknet, yolov3_tiny
from diode_pl.detector.darknet.layers import Convolution

RESIDUAL = """[net]
height=32
width=32
[convolutional]
batch_normalize=1
filters={wide}
size=3
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters={wide}
groups={wide}
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters={wide}
activation=leaky
[shortcut]
from=-2
activation=linear
[avgpool]
[convolutional]
filters={wide}
activation=relu
[scale_channels]
from=-3
[route]
layers=-1,-5
[convolutional]
filters=18
activation=linear
[yolo]
mask=0,1,2
anchors=4,4, 8,8, 16,16
classes=1
"""


def tiny(width: float, seed: int = 0) -> Darknet:
    torch.manual_seed(seed)
    return Darknet(yolov3_tiny(2, width), None, ["cat", "dog"], backbone_sections=13).eval()


def residual(folder: Path, wide: int, seed: int = 0) -> Darknet:
    torch.manual_seed(seed)
    path = folder / f"{wide}.cfg"
    path.write_text(RESIDUAL.format(wide=wide))
    return Darknet(path, None, ["cat"]).eval()


def disturb(detector: Darknet) -> None:
    with torch.no_grad():
        for layer in detector.norm_layers():
            layer.weight.uniform_(0.5, 1.5)
            layer.bias.normal_(0, 0.3)
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)


def silence(detector: Darknet, narrow: Darknet) -> None:
    """Leaves as many channels of each layer as the narrow network has, the same ones of layers of one width."""
    generator = torch.Generator().manual_seed(5)
    alive: dict[int, torch.Tensor] = {}
    with torch.no_grad():
        for layer, other in zip(detector.layers, narrow.layers, strict=True):
            if isinstance(layer, Convolution):
                wide, count = layer.conv.out_channels, other.conv.out_channels
                chosen = alive.setdefault(wide, torch.randperm(wide, generator=generator)[:count])
                dead = torch.ones(wide, dtype=torch.bool).index_fill(0, chosen, False)
                module: nn.Module = layer.conv if layer.norm is None else layer.norm
                module.weight[dead] = 0
                module.bias[dead] = 0


@pytest.mark.parametrize("kind", ["tiny", "residual"])
def test_what_no_image_needs_is_what_is_left_out(tmp_path: Path, kind: str) -> None:
    wide, narrow = (tiny(0.2), tiny(0.1)) if kind == "tiny" else (residual(tmp_path, 12), residual(tmp_path, 5))
    disturb(wide)
    silence(wide, narrow)
    narrow.inherit(wide)
    images = torch.rand(2, 3, 64, 64)
    for found, expected in zip(narrow(images).heads, wide(images).heads, strict=True):
        assert expected.std() > 1e-3
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_same_network_is_copied() -> None:
    wide, other = tiny(0.1), tiny(0.1, seed=1)
    disturb(wide)
    other.inherit(wide)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in wide.state_dict().items())


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layer 4 has 13 channels in the student and 8 in the teacher"):
        tiny(0.2).inherit(tiny(0.1))
    with pytest.raises(ValueError, match="the teacher's Darknet network, but for narrower layers"):
        tiny(0.1).inherit(residual(tmp_path, 8))
    names = Darknet(yolov3_tiny(2, 0.1), None, ["cat", "fox"], backbone_sections=13)
    with pytest.raises(ValueError, match="the teacher's Darknet network"):
        names.inherit(tiny(0.1))
    groups = residual(tmp_path, 8)
    groups.layers[2].conv = nn.Conv2d(8, 8, 1, groups=2)
    with pytest.raises(ValueError, match="layer 2 of the student is not that of the teacher"):
        groups.inherit(residual(tmp_path, 8))
