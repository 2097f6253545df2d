import pytest
import torch
from torch.nn import functional as F

from diode_pl.numerics.roi_crop import affine_matrices, clamp_outward, crop_boxes, sampling_grid, visible
from tests.distillation.losses.dicod.cases import CASES, close, inputs

precisions = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


@precisions
@pytest.mark.parametrize("size", [(300, 300), (640, 480)])
def test_affine_matrices(dtype: torch.dtype, size: tuple[int, int]) -> None:
    given, expected = inputs("affine_matrices", dtype), CASES["affine_matrices"]["expected"]
    boxes = given["boxes"] / torch.tensor(size * 2)
    close(affine_matrices(clamp_outward(boxes)), expected[f"{size[0]}x{size[1]}"], dtype)
    if f"{size[0]}x{size[1]}_unclamped" in expected:
        close(affine_matrices(boxes), expected[f"{size[0]}x{size[1]}_unclamped"], dtype)


@precisions
@pytest.mark.parametrize("size", [1, 7, 112])
def test_the_grid_is_the_librarys(dtype: torch.dtype, size: int) -> None:
    matrices = affine_matrices(torch.rand(5, 4, dtype=dtype))
    wanted = F.affine_grid(matrices, [5, 3, size, size], align_corners=False)
    torch.testing.assert_close(sampling_grid(matrices, size), wanted, rtol=0, atol=1e-6)


def test_the_whole_image_at_its_own_size_is_itself() -> None:
    images = torch.rand(3, 3, 12, 12)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(3, 1)
    torch.testing.assert_close(crop_boxes(images, whole, torch.tensor([2, 0, 1]), 12), images[[2, 0, 1]])


def test_a_box_of_whole_pixels_is_cut_out() -> None:
    images = torch.rand(2, 3, 10, 20, dtype=torch.float64)
    boxes = torch.tensor([[3, 1, 9, 7], [14, 4, 20, 10.0]], dtype=torch.float64) / torch.tensor([20, 10, 20, 10.0])
    found = crop_boxes(images, boxes, torch.tensor([1, 0]), 6)
    torch.testing.assert_close(found[0], images[1, :, 1:7, 3:9])
    torch.testing.assert_close(found[1], images[0, :, 4:10, 14:20])


def test_each_crop_is_of_its_own_image_in_any_order() -> None:
    images, boxes = torch.rand(4, 3, 9, 11), torch.rand(7, 2).repeat(1, 2)
    boxes[:, 2:] += torch.rand(7, 2)
    index = torch.tensor([3, 0, 0, 3, 1, 0, 3])
    found = crop_boxes(images, boxes, index, 5)
    for i in range(7):
        grid = F.affine_grid(affine_matrices(clamp_outward(boxes[i : i + 1])), [1, 3, 5, 5], align_corners=False)
        alone = F.grid_sample(images[index[i]][None], grid, align_corners=False)
        torch.testing.assert_close(found[i], alone[0])


def test_no_boxes_make_no_crops() -> None:
    assert crop_boxes(torch.rand(2, 3, 8, 8), torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), 6).shape == (
        0,
        3,
        6,
        6,
    )


def test_gradient_goes_to_the_boxes_alone_and_not_to_a_clamped_side() -> None:
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    boxes = torch.tensor([[-0.1, 0.2, 0.7, 1.2], [0.1, -0.3, 1.4, 0.8], [0.2, 0.3, 0.8, 0.7]], requires_grad=True)
    (crop_boxes(images, boxes, torch.zeros(3, dtype=torch.long), 8) ** 2).sum().backward()
    assert images.grad is None
    clamped = [[True, False, False, True], [False, True, True, False], [False] * 4]
    assert (boxes.grad == 0).tolist() == clamped


def test_gradient_in_float64() -> None:
    images = torch.rand(2, 3, 9, 9, dtype=torch.float64)
    boxes = torch.tensor([[0.13, 0.22, 0.71, 0.83], [0.31, 0.14, 0.57, 0.93]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda b: crop_boxes(images, b, torch.tensor([1, 0]), 4), boxes, eps=1e-7, atol=1e-5
    )


def test_what_shows_a_pixel() -> None:
    boxes = torch.tensor([[20, 20, 22, 22], [20, 20, 20.5, 40], [20, 20, 40, 20.5], [-9, 5, -1, 20], [101, 5, 120, 20]])
    more = torch.tensor([[-9, 5, 0.5, 20], [-9, 5, 2, 20], [5, 49.5, 20, 60], [40, 20, 20, 40]])
    odd = torch.tensor([[float("nan"), 5, 20, 20], [-float("inf"), 5, float("inf"), 20]])
    given = torch.cat([boxes, more, odd]) / torch.tensor([100, 50, 100, 50])
    assert visible(given, (50, 100)).tolist() == [True] + [False] * 5 + [True] + [False] * 3 + [True]
