from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from diode_pl.data.mosaic import make_mosaic
from diode_pl.data.readers import Example
from tests.data.painted import PAINT, Painted, found, paint, same

SIDE = 64
ZOOMS = [(0.5, 1.5), (0.1, 0.2), (1.0, 1.0), (3.0, 4.0)]
SEEDS = range(25)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def example(boxes: list[tuple[int, int, int, int]], ground: int = 0, label: int = 0) -> Example:
    corners = torch.tensor(boxes).reshape(-1, 4) / SIDE
    image = paint(boxes, SIDE, ground)
    return Example(Path(f"{label}.png"), corners, torch.full((len(boxes),), label), (SIDE, SIDE), image)


def four(ground: int = 0) -> list[Example]:
    """Four images with one box each, at another place in each and labeled by its image."""
    boxes = [(24, 30, 36, 40), (18, 22, 28, 36), (30, 20, 40, 30), (26, 34, 40, 44)]
    return [example([box], ground, label) for label, box in enumerate(boxes)]


def quarters(result: Example) -> list[tuple[slice, slice]]:
    """Rows and columns of the four parts of a mosaic of images of four colors."""
    colors = result.image[0]
    x = int((colors[0] == colors[0, 0]).sum())
    y = int((colors[:, 0] == colors[0, 0]).sum())
    up, down, left, right = slice(0, y), slice(y, SIDE), slice(0, x), slice(x, SIDE)
    return [(up, left), (up, right), (down, left), (down, right)]


def only(image: Tensor, rows: slice, columns: slice) -> Tensor:
    """An image that is dark but for one part."""
    part = torch.zeros_like(image)
    part[:, rows, columns] = image[:, rows, columns]
    return part


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_move_with_pixels(seed: int, zoom: tuple[float, float]) -> None:
    # The same draws on images without boxes, each of another color, tell where the parts lie.
    plain = make_mosaic([example([], 10 + 50 * i, i) for i in range(4)], seeded(seed), zoom)
    result = make_mosaic(four(), seeded(seed), zoom)
    parts = quarters(plain)
    for box, label in zip(result.boxes * SIDE, result.labels.tolist(), strict=True):
        # To the pixel: a window that is cut at other pixels than boxes follow would be twice as far off.
        torch.testing.assert_close(found(only(result.image, *parts[label])).float(), box, atol=1.0, rtol=0)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_no_pixel_is_unfilled_and_each_part_shows_its_image(zoom: tuple[float, float]) -> None:
    for seed in SEEDS:
        result = make_mosaic([example([], 40 + 50 * i, i) for i in range(4)], seeded(seed), zoom)
        for i, part in enumerate(quarters(result)):
            assert (result.image[:, *part] == 40 + 50 * i).all()
        assert len(result.boxes) == len(result.labels) == 0


@pytest.mark.parametrize("zoom", ZOOMS)
def test_a_box_around_an_image_ends_where_its_part_ends(zoom: tuple[float, float]) -> None:
    for seed in SEEDS:
        whole = [example([(0, 0, SIDE, SIDE)], 0, i) for i in range(4)]
        result = make_mosaic(whole, seeded(seed), zoom)
        assert (result.boxes >= 0).all() and (result.boxes <= 1).all()
        parts = quarters(make_mosaic([example([], 10 + 50 * i, i) for i in range(4)], seeded(seed), zoom))
        for box, label in zip(result.boxes * SIDE, result.labels.tolist(), strict=True):
            rows, columns = parts[label]
            corners = [columns.start or 0, rows.start or 0, columns.stop or SIDE, rows.stop or SIDE]
            assert box.tolist() == pytest.approx(corners, abs=1e-4)


def test_mostly_hidden_boxes_are_gone() -> None:
    """Columns 8 pixels wide, of which half the height is seen: they stay where more than half of the width is."""
    columns = [(x, 0, x + 8, SIDE) for x in range(0, SIDE, 8)]
    missing, widths = [], []
    for seed in range(20):
        result = make_mosaic([example(columns, 0, i) for i in range(4)], seeded(seed), (1.0, 1.0), margin=0.4999)
        wide = ((result.boxes[:, 2] - result.boxes[:, 0]) * SIDE).round()
        widths += wide.tolist()
        missing += [SIDE // 2 - int(wide[result.labels == i].sum()) for i in range(4)]
    assert set(widths) == {5, 6, 7, 8}
    assert set(missing) == {0, 1, 2, 3, 8}  # 8 where a window cuts two columns in half


def test_same_generator_same_result() -> None:
    one, other = (make_mosaic(four(), seeded(3)) for _ in range(2))
    assert same(one, other) and not same(one, make_mosaic(four(), seeded(4)))


def test_zoom_one_keeps_the_size_of_things() -> None:
    for seed in SEEDS:
        # Boxes so small that a window holds them whole or not at all.
        result = make_mosaic([example([(32, 32, 33, 33)], 0, i) for i in range(4)], seeded(seed), (1.0, 1.0))
        sizes = (result.boxes[:, 2:] - result.boxes[:, :2]) * SIDE
        torch.testing.assert_close(sizes, torch.ones_like(sizes), atol=1e-4, rtol=0)
        assert (result.image[0] == PAINT).sum() == len(result.boxes)


@pytest.mark.parametrize("side", [32, 33, 160])
def test_any_resolution(side: int) -> None:
    source = Painted(4, side=side)
    result = make_mosaic([source[i] for i in range(4)], seeded(0))
    assert result.image.shape == (3, side, side) and result.image.dtype == torch.uint8
    assert result.size == (side, side) and result.name == "0.png + 1.png + 2.png + 3.png"


def test_the_split_keeps_its_distance_from_the_border() -> None:
    colors = [example([], 10 + 50 * i, i) for i in range(4)]
    splits = []
    for seed in range(200):
        rows, columns = quarters(make_mosaic(colors, seeded(seed), margin=0.25))[0]
        splits += [rows.stop, columns.stop]
    assert 16 <= min(splits) <= 18 and 46 <= max(splits) <= 48
