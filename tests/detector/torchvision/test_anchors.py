import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator

from diode_pl.detector.torchvision.anchors import anchors_of, cells_around

MAPS = [torch.rand(1, 2, 4, 8), torch.rand(1, 2, 1, 3)]


def anchors(dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = AnchorGenerator(((10,), (30,)), ((0.5, 2.0),) * 2)
    return anchors_of(generator, [each.to(dtype) for each in MAPS], (32, 64), [64, 6])


def test_anchors_stand_where_the_strides_say() -> None:
    fine, coarse = anchors()
    middle = (fine[:, :2] + fine[:, 2:]) / 2
    assert middle[::2].view(4, 8, 2)[2, 5].tolist() == [40, 16] and len(coarse) == 6
    size = fine[:, 2:] - fine[:, :2]
    assert size[:2].tolist() == [[14, 8], [8, 14]], "first the wide one, then the tall one"
    assert anchors(torch.float64)[0].dtype == torch.float64
    assert anchors(torch.bfloat16)[0].dtype == torch.float32, "pixels are too coarse in half precision"


def test_cells_hold_their_anchor_and_cover_the_image_once() -> None:
    scale = torch.tensor([64.0, 32, 64, 32])
    for level, feature in zip(anchors(), MAPS, strict=True):
        cells = cells_around(level / scale, feature)
        middle = (level[:, :2] + level[:, 2:]) / 2 / scale[:2]
        assert bool(((cells[:, :2] <= middle) & (middle < cells[:, 2:])).all())
        points = torch.rand(200, 1, 2)
        inside = ((cells[:, :2] <= points) & (points < cells[:, 2:])).all(dim=2)
        assert inside.sum(dim=1).tolist() == [2] * 200, "once for each anchor of a place"
        assert float((cells[:, 2:] - cells[:, :2]).prod(dim=1).sum()) == pytest.approx(2)
