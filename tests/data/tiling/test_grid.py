import pytest
import torch
from torch import Tensor

from diode_pl.data.tiling import tile
from diode_pl.data.tiling.grid import split_frame
from diode_pl.targets import Targets

EVERY_COUNT = range(1, 26)


def painted(count: int, side: int = 64) -> tuple[Tensor, Targets]:
    """Dark images with one bright box each, at another place and of another brightness in each."""
    images = torch.zeros(count, 3, side, side)
    boxes = []
    for i in range(count):
        x1, y1 = 4 + 5 * i % 23, 4 + 7 * i % 19
        x2, y2 = x1 + 20 + 3 * i % 11, y1 + 18 + 2 * i % 13
        images[i, :, y1:y2, x1:x2] = 0.5 + 0.5 * (i + 1) / count
        boxes.append((torch.tensor([[x1, y1, x2, y2]]) / side, torch.tensor([i + 100])))
    return images, Targets.from_images(boxes)


@pytest.mark.parametrize("count", EVERY_COUNT)
@pytest.mark.parametrize("resolution", [5, 64, 97, 160])
def test_every_pixel_belongs_to_exactly_one_cell(count: int, resolution: int) -> None:
    covered = torch.zeros(resolution, resolution)
    for x1, y1, x2, y2 in split_frame(count, resolution):
        assert x1 < x2 and y1 < y2
        covered[y1:y2, x1:x2] += 1
    assert (covered == 1).all() and len(split_frame(count, resolution)) == count


@pytest.mark.parametrize("count", EVERY_COUNT)
def test_cells_stay_in_proportion(count: int) -> None:
    shapes = [(x2 - x1) / (y2 - y1) for x1, y1, x2, y2 in split_frame(count, 3600)]
    limit = 1 if count in (1, 4, 9, 16, 25) else 2 if count < 4 else 1.5
    assert 1 / limit - 1e-9 <= min(shapes) and max(shapes) <= limit + 1e-9


@pytest.mark.parametrize("count", EVERY_COUNT)
@pytest.mark.parametrize("resolution", [160, 331])
def test_painted_boxes_are_found_where_they_moved(count: int, resolution: int) -> None:
    images, targets = painted(count)
    image, boxes, labels = tile(images, targets, resolution)
    assert image.shape == (3, resolution, resolution) and labels.tolist() == [i + 100 for i in range(count)]
    for i, (x1, y1, x2, y2) in enumerate(split_frame(count, resolution)):
        bright = image[0, y1:y2, x1:x2] > images[i].max() / 2
        rows, columns = bright.any(dim=1).nonzero(), bright.any(dim=0).nonzero()
        found = torch.tensor([columns.min() + x1, rows.min() + y1, columns.max() + 1 + x1, rows.max() + 1 + y1])
        assert (found - boxes[i] * resolution).abs().max() <= 1


def test_no_color_crosses_a_border() -> None:
    images = torch.linspace(0, 1, 7)[:, None, None, None].expand(7, 3, 40, 40).clone()
    image, _, _ = tile(images, Targets.from_images([(torch.zeros(0, 4), torch.zeros(0))] * 7), 101)
    for i, (x1, y1, x2, y2) in enumerate(split_frame(7, 101)):
        torch.testing.assert_close(image[:, y1:y2, x1:x2], torch.full((3, y2 - y1, x2 - x1), float(images[i, 0, 0, 0])))


def test_one_image_at_its_own_size_stays_as_it_is() -> None:
    images, targets = torch.rand(1, 3, 48, 48), painted(1, 48)[1]
    image, boxes, labels = tile(images, targets, 48)
    assert torch.equal(image, images[0]) and torch.equal(boxes, targets.boxes) and torch.equal(labels, targets.labels)


def test_twenty_five_images_that_halve_are_averaged() -> None:
    fine = torch.zeros(25, 3, 64, 64)
    fine[..., ::2, :] = 1  # stripes of one pixel: without averaging, black or white
    image, boxes, _ = tile(fine, painted(25)[1], 160)
    inner = image[:, 4:28, 4:28]
    assert (inner - 0.5).abs().max() < 0.05
    torch.testing.assert_close(boxes[7], (painted(25)[1].boxes[7] + torch.tensor([2.0, 1, 2, 1])) / 5)


def test_images_may_have_no_or_several_boxes_and_boxes_stay_in_their_cell() -> None:
    boxes = torch.tensor([[-0.5, -0.5, 1.5, 1.5], [0.0, 0.0, 1.0, 1.0], [0.2, 0.2, 0.4, 0.4], [1.1, 0.0, 1.4, 0.5]])
    index, labels = torch.tensor([2, 0, 0, 2]), torch.tensor([5, 6, 7, 8])
    for resolution in range(3, 60):
        _, found, kept = tile(torch.rand(3, 3, 8, 12), Targets(boxes, labels, index, 3), resolution)
        assert kept.tolist() == [6, 7, 5]
        own = torch.tensor([split_frame(3, resolution)[i] for i in (0, 2)]) / resolution
        assert torch.equal(found[[0, 2]], own) and found.min() >= 0 and found.max() <= 1


def test_boxes_that_are_switched_off_are_left_out() -> None:
    images, targets = painted(4)
    _, boxes, labels = tile(images, targets.keep(torch.tensor([True, False, False, True])), 64)
    assert labels.tolist() == [100, 103] and len(boxes) == 2


def test_double_precision_is_kept() -> None:
    images, targets = painted(2)
    assert tile(images.double(), targets, 64)[0].dtype == torch.float64


def test_bad_input_raises() -> None:
    images, targets = painted(5)
    with pytest.raises(ValueError, match="5 images with the targets of 4"):
        tile(images, painted(4)[1], 64)
    with pytest.raises(ValueError, match="3 x 3 pixels, got 2"):
        tile(images, targets, 2)
    with pytest.raises(ValueError, match="at least one image"):
        tile(images[:0], Targets.from_images([]), 64)
