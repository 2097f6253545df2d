import torch

from diode_pl.distillation.losses.fkd.box_mask import box_mask
from diode_pl.targets import Targets


def test_cells_that_a_box_reaches_into() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75], [0.6, 0.9, 0.61, 0.91], [0.0, 0.0, 1.0, 1.0]])
    valid = torch.tensor([True, True, True, False])
    targets = Targets(boxes, torch.zeros(4, dtype=torch.long), torch.tensor([0, 0, 2, 1]), 3, valid)
    expected = torch.tensor(
        [
            [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]],
        ]
    )
    assert torch.equal(box_mask(targets, 4, 4), expected.float())


def test_a_grid_that_is_no_square_and_no_boxes_at_all() -> None:
    box = Targets(torch.tensor([[0.0, 0.5, 0.3, 1.0]]), torch.tensor([0]), torch.tensor([0]), 1)
    assert torch.equal(box_mask(box, 2, 3), torch.tensor([[[0.0, 0, 0], [1, 0, 0]]]))
    none = Targets.from_images([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))] * 2)
    assert torch.equal(box_mask(none, 2, 3), torch.zeros(2, 2, 3))
