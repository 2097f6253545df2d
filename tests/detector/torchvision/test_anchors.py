import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator

from diode_pl.detector import Outputs
from diode_pl.detector.torchvision.anchors import _KEPT, _made, cells_around, image_scale, make_anchors

MAPS = (torch.rand(1, 2, 4, 8), torch.rand(1, 2, 1, 3))


def outputs(image_size: tuple[int, int] = (32, 64), dtype: torch.dtype = torch.float32) -> Outputs:
    """With two anchors in each cell of the maps."""
    maps = tuple(each.to(dtype) for each in MAPS)
    return Outputs((torch.rand(1, 64, 5), torch.rand(1, 6, 5)), maps, (8, 32), image_size)


def anchors(dtype: torch.dtype = torch.float32, sides: tuple[int, int] = (10, 30)) -> list[torch.Tensor]:
    generator = AnchorGenerator(tuple((side,) for side in sides), ((0.5, 2.0),) * 2)
    return make_anchors(generator, outputs(dtype=dtype))


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
    first, again = make_anchors(generator, outputs()), make_anchors(generator, outputs())
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[0], make_anchors(generator, outputs((64, 64)))[0])
    assert not torch.equal(first[0], anchors(sides=(20, 60))[0])
    sizes = [(32, 64 + 8 * i) for i in range(_KEPT)]
    for size in sizes:
        make_anchors(generator, outputs(size))
    assert len(_made[generator]) == _KEPT


def test_anchors_of_a_validation_loop_serve_in_training() -> None:
    generator = AnchorGenerator(((10,), (30,)), ((0.5, 2.0),) * 2)
    with torch.inference_mode():
        make_anchors(generator, outputs())
    codes = torch.rand(64, 4, requires_grad=True)
    (codes * make_anchors(generator, outputs())[0]).sum().backward()
    assert bool(codes.grad.any())


def test_a_unit_of_the_image_in_pixels() -> None:
    def scale(height: int, width: int, dtype: torch.dtype) -> torch.Tensor:
        return image_scale(Outputs((torch.zeros(1, 2, 3, dtype=dtype),), MAPS, (8, 32), (height, width)))

    assert scale(32, 64, torch.float32).tolist() == [64, 32, 64, 32]
    assert scale(4, 3000, torch.float16).tolist() == [3000, 4, 3000, 4]
    assert scale(1, 1, torch.float64).dtype == torch.float64
