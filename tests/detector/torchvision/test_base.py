import copy
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from diode_pl.detector.torchvision.base import valid_positions
from diode_pl.targets import Targets
from tests.detector.detectors import small, some_images, some_targets
from tests.detector.torchvision.small_networks import faster_rcnn


class Calls(TorchFunctionMode):
    """Notes the names of torch's functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_boxes_that_count_come_by_image_and_in_their_order() -> None:
    image = torch.tensor([2, 0, 2, 0, 0, 3, 2])
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.6]]).repeat(7, 1)
    boxes[3, 2] = 0.1  # without an area
    valid = torch.tensor([True, True, True, True, True, True, False])
    targets = Targets(boxes, torch.zeros(7, dtype=torch.long), image, 5, valid)
    assert [each.tolist() for each in valid_positions(targets)] == [[1, 4], [], [0, 2], [5], []]
    assert [each.tolist() for each in valid_positions(targets.keep(torch.zeros(7).bool()))] == [[]] * 5


def test_the_device_is_waited_for_once_a_batch_and_not_once_an_image() -> None:
    detector = small("retinanet")
    outputs, targets = detector(some_images()), some_targets()
    with Calls() as calls:
        detector.to_torchvision(outputs, targets)
    assert calls.names.count("tolist") == 1
    assert not {"nonzero", "item", "new_tensor", "tensor"} & set(calls.names)


def test_anchors_are_made_once() -> None:
    one_stage, two_stages = small("ssd"), copy.deepcopy(faster_rcnn())
    of_both = {one_stage: one_stage.network.anchor_generator, two_stages: two_stages.network.rpn.anchor_generator}
    for detector, generator in of_both.items():
        made: list[int] = []
        generator.register_forward_pre_hook(lambda *_, made=made: made.append(1))
        for _ in range(2):
            outputs = detector(some_images())
            detector.loss(outputs, some_targets())
            detector.decode(outputs)
        assert made == [1]
