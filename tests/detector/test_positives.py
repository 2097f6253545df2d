"""The positives of a Darknet network are what its loss is computed from."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou

from diode_pl.detector import Darknet, Outputs, yolov3_tiny
from diode_pl.targets import Targets
from tests.distillation.losses.lessons import NAMES, SIZE, answer, learnable, network, no_boxes, outputs
from tests.tiny import TinyDetector


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


def test_the_stem_is_the_first_convolution() -> None:
    net, images = network().eval(), torch.rand(3, 3, 20, 20, requires_grad=True)
    assert net.class_activation == "sigmoid"
    found = net.forward_stem(images)
    assert found.equal(net.layers[0](images)) and found.shape == (3, 16, 10, 10)
    found.sum().backward()
    assert bool(images.grad.any())


def test_the_stem_has_the_pooling_that_follows_at_once() -> None:
    net = Darknet(yolov3_tiny(len(NAMES), width=0.5), None, NAMES).eval()
    assert net.forward_stem(torch.rand(1, 3, SIZE, SIZE)).shape == (1, 8, SIZE // 2, SIZE // 2)


@pytest.mark.parametrize("method", ["match_predictions", "class_logits", "forward_stem"])
def test_a_detector_without_them_says_so(method: str) -> None:
    net, images = TinyDetector(), torch.rand(1, 3, 8, 8)
    given = {
        "match_predictions": (net(images), no_boxes(1)),
        "class_logits": (net(images),),
        "forward_stem": (images,),
    }[method]
    with pytest.raises(NotImplementedError, match=rf"TinyDetector does not .*{method}\(\) is missing"):
        getattr(net, method)(*given)
