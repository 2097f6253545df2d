import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou

from diode_pl.numerics.box_ops import giou, iom, iou, size_iou


@pytest.fixture
def boxes() -> tuple[Tensor, Tensor]:
    corner, size = torch.rand(2, 6, 5, 2, dtype=torch.float64), torch.rand(2, 6, 5, 2, dtype=torch.float64)
    a, b = torch.cat([corner, corner + size], dim=-1)
    return a, b


def test_of_known_boxes() -> None:
    a = torch.tensor([[-1.0, -1.0, 1.0, 1.0]])
    b = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [0.0, -1.0, 2.0, 1.0], [1.0, -1.0, 3.0, 1.0], [3.0, -1.0, 5.0, 1.0]])
    torch.testing.assert_close(giou(a, b), torch.tensor([1.0, 1 / 3, 0.0, -1 / 3]))
    torch.testing.assert_close(iou(a, b), torch.tensor([1.0, 1 / 3, 0.0, 0.0]))


def test_pairs_are_as_torchvision_compares_all_with_all(boxes: tuple[Tensor, Tensor]) -> None:
    a, b = boxes
    for ours, theirs in ((iou, box_iou), (giou, generalized_box_iou)):
        expected = theirs(a.flatten(0, 1), b.flatten(0, 1)).diagonal().view(6, 5)
        torch.testing.assert_close(ours(a, b), expected)
        torch.testing.assert_close(
            ours(a[:, :1], b), torch.stack([theirs(x[:1], y)[0] for x, y in zip(a, b, strict=True)])
        )


def test_intersection_over_the_smaller_box() -> None:
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    inside, corner, half, apart = [0.5, 0.5, 1.0, 1.5], [1.0, 1.0, 5.0, 4.0], [1.0, 0.0, 2.5, 1.0], [3.0, 0.0, 4.0, 1.0]
    b = torch.tensor([inside, corner, half, apart])
    expected = torch.tensor([1.0, 1 / 4, 2 / 3, 0.0])
    torch.testing.assert_close(iom(a, b), expected)
    torch.testing.assert_close(iom(b, a), expected)
    torch.testing.assert_close(iom(a[:, None], b), expected[None])
    assert iom(a, b[:0]).shape == (0,)


def test_intersection_over_minimum_follows_from_that_over_union(boxes: tuple[Tensor, Tensor]) -> None:
    a, b = boxes
    sums, smaller = a.new_zeros(6, 5), a.new_full((6, 5), torch.inf)
    for box in (a, b):
        area = (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])
        sums, smaller = sums + area, torch.minimum(smaller, area)
    ratio = box_iou(a.flatten(0, 1), b.flatten(0, 1)).diagonal().view(6, 5)
    torch.testing.assert_close(iom(a, b), sums * ratio / (1 + ratio) / smaller)


def test_sizes_laid_center_on_center() -> None:
    a, b = torch.rand(4, 1, 2) + 0.1, torch.rand(3, 2) + 0.1
    expected = box_iou(torch.cat([-a[:, 0], a[:, 0]], dim=1), torch.cat([-b, b], dim=1))
    torch.testing.assert_close(size_iou(a, b), expected)


def test_small_boxes_are_as_exact_as_large_ones(boxes: tuple[Tensor, Tensor]) -> None:
    a, b = (each.float() for each in boxes)
    torch.testing.assert_close(giou(a / 1024, b / 1024), giou(a, b), rtol=1e-6, atol=1e-6)


def test_boxes_without_an_area_are_finite() -> None:
    a, b = torch.tensor([[0.5, 0.5, 0.5, 0.5]], requires_grad=True), torch.tensor([[0.5, 0.5, 0.5, 0.5]])
    for function in (iou, giou, iom):
        value = function(a, b)
        assert value.isfinite().all()
