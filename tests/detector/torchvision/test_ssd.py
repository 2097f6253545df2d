from dataclasses import replace
from functools import partial

import pytest
import torch
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.image_list import ImageList

from diode_pl.detector import SSD, Outputs
from diode_pl.detector.torchvision.anchors import cells_around


def answer(height: int, width: int) -> tuple[SSD, Outputs]:
    """Torchvision's own SSD300, and an answer of the right shape in which nothing is computed."""
    with torch.device("meta"):
        detector = SSD(partial(ssd300_vgg16, weights_backbone=None), None, ["cat"])
        said = detector(torch.zeros(1, 3, height, width))
    heads, features = ([torch.zeros(each.shape) for each in maps] for maps in (said.heads, said.features))
    return detector, replace(said, heads=tuple(heads), features=tuple(features))


def test_boxes_are_torchvisions_at_the_size_that_they_are_made_for() -> None:
    detector, outputs = answer(300, 300)
    images = ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)])
    (expected,) = detector.network.anchor_generator(images, list(outputs.features))
    assert torch.equal(torch.cat(detector.anchors(outputs)), expected)


@pytest.mark.parametrize(("height", "width"), [(304, 304), (352, 352), (416, 300), (512, 640)])
def test_boxes_of_larger_images_are_centered_inside(height: int, width: int) -> None:
    detector, outputs = answer(height, width)
    size = torch.tensor([width, height])
    for level, feature in zip(detector.anchors(outputs), outputs.features, strict=True):
        middles = (level[:, :2] + level[:, 2:]) / 2 / size
        torch.testing.assert_close(middles.mean(dim=0), torch.tensor([0.5, 0.5]))
        assert bool(((middles > 0) & (middles < 1)).all())
        cells = cells_around(level / size.repeat(2), feature)
        assert bool((cells[:, 2:] > cells[:, :2]).all())
