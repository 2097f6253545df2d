"""Candidates of YOLO heads; those that training holds to a target are what the loss is computed from."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou

from diode_pl.detector import Darknet, Outputs
from diode_pl.targets import Targets
from tests.detector.darknet.small_network import known_outputs
from tests.distillation.losses.batches import NAMES, answer, learnable, network, outputs


def some_targets(dtype: torch.dtype = torch.float64) -> Targets:
    boxes = [
        [0.1, 0.2, 0.3, 0.4],
        [0.11, 0.2, 0.31, 0.4],  # the same cells as the one before
        [0.5, 0.1, 0.66, 0.38],
        [0.1, 0.1, 0.9, 0.9],
        [0.9, 0.8, 1.0, 1.0],
        [0.2, 0.2, 0.201, 0.9],  # fits no anchor
        [0.1, 0.2, 0.3, 0.4],  # switched off
    ]
    labels, images = torch.tensor([0, 1, 2, 0, 1, 2, 0]), torch.tensor([1, 1, 0, 1, 0, 0, 0])
    return Targets(torch.tensor(boxes, dtype=dtype), labels, images, 2, torch.tensor([True] * 6 + [False]))


def double_answer(seed: int = 1) -> Outputs:
    return outputs([head.double() for head in answer(network(), seed=seed).heads])


def test_the_losses_terms_follow_from_them() -> None:
    net, said, targets = network().double(), double_answer(), some_targets()
    found, box, classes = net.match_predictions(said, targets), 0.0, 0.0
    for head in said.heads:  # the loss divides by the matches of each head
        own = (found.class_logits[:, None] == head[..., 5:].flatten(0, 3)).all(dim=2).any(dim=1)
        assert 0 < int(own.sum()) < len(own)
        wanted = targets.boxes[found.target[own]]
        box += 3.54 * (1 - generalized_box_iou(found.boxes[own], wanted).diagonal()).mean()
        truth = F.one_hot(targets.labels[found.target[own]], len(NAMES)).double()
        classes += 37.4 * F.binary_cross_entropy_with_logits(found.class_logits[own], truth)
    terms = net.loss(said, targets)
    torch.testing.assert_close(terms["box"], box)
    torch.testing.assert_close(terms["class"], classes)


def test_each_holds_the_center_of_its_target() -> None:
    net, said, targets = network().double(), double_answer(), some_targets()
    found, dense = net.match_predictions(said, targets), net.decode(said)
    assert found.target.unique().tolist() == [0, 1, 2, 3, 4]
    for i, image in enumerate(found.image.tolist()):
        where = (dense.boxes[image] - found.boxes[i]).abs().amax(dim=1) < 1e-12
        assert int(where.sum()) == 1
        x, y = (targets.boxes[found.target[i], :2] + targets.boxes[found.target[i], 2:]) / 2
        x1, y1, x2, y2 = dense.cells[where][0]
        assert x1 <= x < x2 and y1 <= y < y2


def test_class_logits_are_those_of_decode() -> None:
    net, said = network().double(), double_answer()
    torch.testing.assert_close(net.class_logits(said).sigmoid(), net.decode(said).classes)


def test_gradients_reach_the_rows_that_are_positives() -> None:
    net, said = network().double(), double_answer()
    heads = learnable(said)
    found = net.match_predictions(said, some_targets())
    (found.boxes.sum() + found.class_logits.sum()).backward()
    rows = sum(int(head.grad[..., 0].count_nonzero()) for head in heads)
    assert 0 < rows < len(found.target), "two targets share their rows"
    assert not any(bool(head.grad[..., 4].any()) for head in heads), "objectness is not part of it"


def test_decode_of_known_logits(small: Darknet) -> None:
    dense = small.decode(known_outputs(small))
    assert dense.boxes.shape == (2, 32 + 64, 4) and dense.classes.shape == (2, 96, 2)
    at = 16 + 2 * 4 + 1  # second anchor, row 2, column 1
    torch.testing.assert_close(dense.boxes[0, at] * 32, torch.tensor([2.0, 8, 22, 32]))
    assert dense.objectness[0, at].item() == pytest.approx(1) and dense.classes[0, at, 1].item() == 0.5
    torch.testing.assert_close(dense.boxes[1, 32 + 7] * 32, torch.tensor([26.0, -0.5, 34, 4.5]))
    assert dense.objectness[1, 32 + 7].item() == 0.5


def test_decode_stretches_centers(small: Darknet) -> None:
    outputs = known_outputs(small)
    outputs.heads[0][0, 1, 2, 1, :2] = torch.tensor([40.0, -40.0])
    x1, y1, x2, y2 = small.decode(outputs).boxes[0, 16 + 9].tolist()
    # scale_x_y = 1.1: a center may leave its cell by 0.05 on each side.
    assert ((x1 + x2) / 2 * 4, (y1 + y2) / 2 * 4) == pytest.approx((2.05, 1.95))


def test_cells_are_those_of_the_grids(small: Darknet) -> None:
    dense = small.decode(small(torch.rand(1, 3, 32, 64)))
    assert dense.cells.shape == dense.priors.shape == (2 * 4 * 8 + 1 * 8 * 16, 4)
    assert dense.cells[0].tolist() == [0, 0, 8 / 64, 8 / 32] and dense.cells[-1].tolist() == [60 / 64, 28 / 32, 1, 1]


def test_priors_are_anchors_in_the_middle_of_their_cells(small: Darknet) -> None:
    outputs = known_outputs(small)
    for head in outputs.heads:
        head[..., :4] = 0  # half a cell in, as large as the anchor
    dense = small.decode(outputs)
    torch.testing.assert_close(dense.priors, dense.boxes[0])
    torch.testing.assert_close(
        (dense.priors[:, :2] + dense.priors[:, 2:]) / 2, (dense.cells[:, :2] + dense.cells[:, 2:]) / 2
    )
    wide = small.decode(small(torch.rand(1, 3, 32, 64)))
    size = (wide.priors[:, 2:] - wide.priors[:, :2]) * torch.tensor([64, 32])
    torch.testing.assert_close(size[[0, 32, 64]], torch.tensor([[10.0, 8], [20, 24], [4, 5]]))
