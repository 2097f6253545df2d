import numpy as np
import pytest
from PIL import Image

from diode_pl.io.drawing import draw_boxes


def drawn(boxes: list[list[float]], labels: list[int], captions: list[str]) -> np.ndarray:
    picture = Image.new("RGB", (100, 80))
    draw_boxes(picture, boxes, labels, captions)
    return np.array(picture)


def test_a_box_is_drawn_within_its_edges() -> None:
    pixels = drawn([[20, 30, 60, 70]], [1], ["a"])
    color = pixels[69, 40]
    assert color.max() > 200
    for y, x in ((30, 58), (69, 40), (50, 20), (50, 59)):
        assert (pixels[y, x] == color).all()
    for y, x in ((50, 40), (70, 40), (50, 19), (50, 60)):
        assert pixels[y, x].max() == 0


def test_captions_stand_above_or_where_there_is_no_room_inside() -> None:
    above, inside = drawn([[20, 30, 60, 70]], [0], ["a"]), drawn([[20, 2, 60, 70]], [0], ["a"])
    assert above[:28].any() and not inside[:2].any() and inside[6, 22].any()


@pytest.mark.parametrize("box", [[-50, -40, 20, 20], [95, 75, 150, 120], [-5, -5, 300, 300], [99, 1, 99, 1]], ids=str)
def test_captions_stay_in_the_picture(box: list[float]) -> None:
    black = (drawn([box], [0], ["a long caption"]).reshape(-1, 3) != 0).any(axis=1).sum()
    assert black > 300


def test_small_boxes_lie_on_large_ones_in_whatever_order_they_come() -> None:
    large, small = [0, 0, 100, 80], [0, 40, 30, 80]
    one = drawn([large, small], [0, 1], ["a", "b"])
    assert (one == drawn([small, large], [1, 0], ["b", "a"])).all()
    assert (one[60, 0] == drawn([small], [1], ["b"])[60, 0]).all()


def test_classes_have_colors_of_their_own() -> None:
    colors = {tuple(drawn([[20, 30, 60, 70]], [label], ["a"])[69, 40]) for label in range(20)}
    assert len(colors) == 20
