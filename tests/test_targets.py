import pytest
import torch

from diode_pl.targets import Targets
from tests.tiny import no_boxes


def three_boxes() -> Targets:
    """Two boxes in image 0, none in image 1, one in image 2."""
    boxes = torch.tensor([[0.1, 0.2, 0.3, 0.6], [0.5, 0.5, 0.9, 1.0], [0.0, 0.0, 0.25, 0.5]])
    return Targets(boxes, torch.tensor([4, 5, 6]), torch.tensor([0, 0, 2]), 3)


def test_every_box_is_valid_unless_said_otherwise() -> None:
    assert three_boxes().valid.tolist() == [True, True, True]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("boxes", "labels", "index", "valid"),
    [((2, 5), 2, 2, 2), ((2, 4), 3, 2, 2), ((2, 4), 2, 1, 2), ((2, 4), 2, 2, 1), ((2, 4, 1), 2, 2, 2)],
)
def test_shapes_that_do_not_belong_together_raise(boxes, labels, index, valid) -> None:
    zeros = torch.zeros
    with pytest.raises(ValueError, match="boxes"):
        Targets(zeros(boxes), zeros(labels).long(), zeros(index).long(), 1, zeros(valid).bool())


def test_of_images_and_per_image_are_inverse() -> None:
    per_image = [(boxes, labels) for boxes, labels in three_boxes().per_image()]
    again = Targets.from_images(per_image)
    assert again.batch_size == 3 and again.image_index.tolist() == [0, 0, 2]
    assert torch.equal(again.boxes, three_boxes().boxes) and torch.equal(again.labels, three_boxes().labels)


def test_of_no_images_is_empty() -> None:
    empty = Targets.from_images([])
    assert len(empty) == 0 and empty.batch_size == 0 and empty.per_image() == []


def test_of_images_without_boxes_keeps_their_number() -> None:
    empty = no_boxes(2)
    assert empty.boxes.shape == (0, 4) and empty.batch_size == 2 and len(empty.per_image()) == 2


def test_flip_mirrors_only_the_images_asked_for() -> None:
    flipped = three_boxes().flip(torch.tensor([False, True, True]))
    assert torch.equal(flipped.boxes[:2], three_boxes().boxes[:2])
    assert flipped.boxes[2].tolist() == [0.75, 0.0, 1.0, 0.5]


def test_flip_twice_is_no_flip() -> None:
    everywhere = torch.ones(3, dtype=torch.bool)
    torch.testing.assert_close(three_boxes().flip(everywhere).flip(everywhere).boxes, three_boxes().boxes)


def test_shift_moves_each_image_by_its_own_offset() -> None:
    moved = three_boxes().shift(torch.tensor([[0.5, -0.25], [9.0, 9.0], [0.0, 0.125]]))
    torch.testing.assert_close(moved.boxes[0], torch.tensor([0.6, -0.05, 0.8, 0.35]))
    assert moved.boxes[2].tolist() == [0.0, 0.125, 0.25, 0.625]


def test_clip_cuts_boxes_at_the_image() -> None:
    clipped = three_boxes().shift(torch.full((3, 2), -0.25)).clip(min_area=0.0)
    torch.testing.assert_close(clipped.boxes[0], torch.tensor([0.0, 0.0, 0.05, 0.35]))
    assert clipped.valid.tolist() == [True, True, False]


def test_clip_switches_off_what_has_the_smallest_area_or_less() -> None:
    area = 0.25 * 0.5  # of the third box, exact in binary
    assert three_boxes().clip(min_area=area).valid[2].item() is False
    assert three_boxes().clip(min_area=area - 1e-3).valid[2].item() is True


def test_a_box_far_outside_has_no_area() -> None:
    assert not three_boxes().shift(torch.full((3, 2), 7.0)).clip(min_area=0.0).valid.any()


def test_what_is_switched_off_stays_off() -> None:
    targets = three_boxes().keep(torch.tensor([False, True, True])).keep(torch.tensor([True, True, True])).clip(0.0)
    assert targets.valid.tolist() == [False, True, True]


def test_boxes_switched_off_do_not_show_in_their_image() -> None:
    (boxes, labels), *_ = three_boxes().keep(torch.tensor([False, True, True])).per_image()
    assert labels.tolist() == [5] and boxes.shape == (1, 4)


def test_compact_removes_and_sorts_by_image() -> None:
    late = Targets(torch.rand(3, 4), torch.tensor([1, 2, 3]), torch.tensor([2, 0, 0]), 3)
    joined = late.cat(three_boxes()).keep(torch.tensor([True, True, False, True, False, True]))
    compact = joined.compact()
    assert compact.image_index.tolist() == [0, 0, 2, 2] and compact.labels.tolist() == [2, 4, 1, 6]
    assert compact.valid.all() and torch.equal(compact.boxes[0], late.boxes[1])


def test_cat_of_unlike_batches_raises() -> None:
    with pytest.raises(ValueError, match="3 images with those of 1"):
        three_boxes().cat(no_boxes(1))


def test_nothing_changes_in_place() -> None:
    targets = three_boxes()
    targets.flip(torch.ones(3, dtype=torch.bool))
    targets.shift(torch.ones(3, 2))
    targets.keep(torch.zeros(3, dtype=torch.bool))
    assert torch.equal(targets.boxes, three_boxes().boxes) and targets.valid.all()


def test_to_moves_every_part() -> None:
    moved = three_boxes().to("meta")
    parts = (moved.boxes, moved.labels, moved.image_index, moved.valid)
    assert {part.device.type for part in parts} == {"meta"} and moved.batch_size == 3


def test_a_notebook_shows_the_boxes_that_count() -> None:
    boxes = torch.tensor([[0.0, 0.25, 0.5, 1.0], [0.0, 0.0, 1.0, 1.0]])
    targets = Targets(boxes, torch.tensor([7, 8]), torch.tensor([1, 0]), 2, torch.tensor([True, False]))
    page = targets._repr_html_()
    assert page.startswith("<b>1 boxes in 2 images</b>") and "<td>1</td><td>7</td><td>0.000</td><td>0.250</td>" in page
