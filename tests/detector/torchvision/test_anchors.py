import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator

from diode_pl.detector.torchvision.anchors import _KEPT, _made, anchor_boxes, cells_around, image_scale

MAPS = [torch.rand(1, 2, 4, 8), torch.rand(1, 2, 1, 3)]


def anchors(dtype: torch.dtype = torch.float32, sides: tuple[int, int] = (10, 30)) -> list[torch.Tensor]:
    generator = AnchorGenerator(tuple((side,) for side in sides), ((0.5, 2.0),) * 2)
    return anchor_boxes(generator, [each.to(dtype) for each in MAPS], (32, 64), [64, 6])


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


def test_the_same_sizes_have_the_same_anchors_and_others_their_own() -> None:
    generator = AnchorGenerator(((10,), (30,)), ((0.5, 2.0),) * 2)
    first = anchor_boxes(generator, MAPS, (32, 64), [64, 6])
    again = anchor_boxes(generator, [each + 1 for each in MAPS], (32, 64), [64, 6])
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[0], anchor_boxes(generator, MAPS, (64, 64), [64, 6])[0])
    assert not torch.equal(first[0], anchors(sides=(20, 60))[0])
    sizes = [(32, 64 + 8 * i) for i in range(_KEPT)]
    for size in sizes:
        anchor_boxes(generator, MAPS, size, [64, 6])
    assert len(_made[generator]) == _KEPT


def test_anchors_of_a_validation_loop_serve_in_training() -> None:
    generator = AnchorGenerator(((10,), (30,)), ((0.5, 2.0),) * 2)
    with torch.inference_mode():
        anchor_boxes(generator, [each + 1 for each in MAPS], (32, 64), [64, 6])
    codes = torch.rand(64, 4, requires_grad=True)
    (codes * anchor_boxes(generator, MAPS, (32, 64), [64, 6])[0]).sum().backward()
    assert bool(codes.grad.any())


def test_a_unit_of_the_image_in_pixels() -> None:
    assert image_scale(torch.zeros(2, 3), (32, 64)).tolist() == [64, 32, 64, 32]
    assert image_scale(torch.zeros(1, dtype=torch.float16), (4, 3000)).tolist() == [3000, 4, 3000, 4]
    assert image_scale(torch.zeros(1, dtype=torch.float64), (1, 1)).dtype == torch.float64
