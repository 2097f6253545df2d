"""Torchvision's own detectors as an oracle: their training forward gives losses, their eval forward detections."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

from diode_pl.detector import Detections, Detector
from diode_pl.targets import Targets
from tests.detector.detectors import CASES, SIZE, no_targets, small, some_images, some_targets

COCO = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
WIDE = (SIZE, 96)
one_stage = pytest.mark.parametrize("name", ["retinanet", "fcos", "ssd", "ssdlite"])


def own_network(detector: Detector, confidence: float, iou: float) -> Any:
    """Torchvision's network, which leaves the size of :data:`WIDE` images as it is and drops nothing early."""
    network: Any = detector.network
    transform = network.transform
    transform.min_size, transform.max_size = (min(WIDE),), max(WIDE)
    if transform.fixed_size is not None:
        transform.fixed_size = WIDE[::-1]
    network.score_thresh, network.nms_thresh = confidence, iou
    network.topk_candidates = network.detections_per_img = 10**6
    return network


def pixels(boxes: Tensor) -> Tensor:
    return boxes * boxes.new_tensor([WIDE[1], WIDE[0], WIDE[1], WIDE[0]])


def losses(detector: Detector, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    """What torchvision's training forward says, with norm layers as they are."""
    network = own_network(detector, 0.1, 0.5)
    first = detector.first
    from_images = [{"boxes": pixels(boxes), "labels": labels + first} for boxes, labels in targets.per_image()]
    network.training = True  # of the outermost module alone
    found = network(list(images), from_images)
    network.training = False
    return found


@one_stage
@pytest.mark.parametrize("targets", [some_targets(), some_targets().keep(torch.tensor([True] * 2 + [False] * 2))])
def test_losses(name: str, targets: Targets) -> None:
    detector, images = small(name), some_images(2, *WIDE)
    found, expected = detector.loss(detector(images), targets), losses(detector, images, targets)
    assert found.keys() == expected.keys()
    for key in expected:
        torch.testing.assert_close(found[key], expected[key])


@one_stage
def test_losses_without_boxes(name: str) -> None:
    detector, images = small(name), some_images(2, *WIDE)
    found, expected = detector.loss(detector(images), no_targets()), losses(detector, images, no_targets())
    for key in expected:
        torch.testing.assert_close(found[key], expected[key])


@one_stage
def test_losses_of_many_boxes_at_every_place(name: str) -> None:
    corners = torch.rand(40, 2, 2).sort(dim=1).values
    assert bool((corners[:, 1] > corners[:, 0]).all())
    targets = Targets(corners.flatten(1), torch.randint(3, (40,)), torch.randint(2, (40,)).sort().values, 2)
    detector, images = small(name), some_images(2, *WIDE)
    found, expected = detector.loss(detector(images), targets), losses(detector, images, targets)
    for key in expected:
        torch.testing.assert_close(found[key], expected[key])


def sure(detector: Detector, images: Tensor) -> float:
    """A confidence that 500 candidates of the batch exceed, and none by a rounding error."""
    dense = detector.decode(detector(images))
    return float((dense.objectness[..., None] * dense.classes).flatten().topk(501).values[-2:].mean())


def agree(found: Detections, expected: dict[str, Tensor], labels: Tensor) -> None:
    assert len(found.labels) > 5
    torch.testing.assert_close(found.scores, expected["scores"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.labels, labels)
    torch.testing.assert_close(pixels(found.boxes), expected["boxes"], rtol=1e-4, atol=1e-3)


@one_stage
@torch.no_grad()
def test_detections(name: str) -> None:
    detector, images = small(name), some_images(2, *WIDE)
    confidence = sure(detector, images)
    found = detector.predict(detector(images), confidence, 0.4, 10**6)
    for each, expected in zip(found, own_network(detector, confidence, 0.4)(list(images)), strict=True):
        agree(each, expected, expected["labels"] - detector.first)


@one_stage
@torch.no_grad()
def test_detections_of_an_output_for_each_number_of_coco(name: str, tmp_path: Path) -> None:
    """Of the 91, those that were never given to a class are left out."""
    case = CASES[name]
    drawn = case.lively([str(i) for i in range(len(COCO) - (name in ("ssd", "ssdlite")))])
    torch.save(drawn.network.state_dict(), tmp_path / "coco.pt")
    detector, images = case.draw(tmp_path / "coco.pt", None).eval(), some_images(2, *WIDE)
    assert len(detector.class_names) == 80 and detector.class_names[79] == "toothbrush"
    confidence = sure(detector, images)
    found = detector.predict(detector(images), confidence, 0.4, 10**6)
    for each, expected in zip(found, own_network(detector, confidence, 0.4)(list(images)), strict=True):
        numbers = {name: label for label, name in enumerate(detector.class_names)}
        known = torch.tensor([COCO[number] in numbers for number in expected["labels"].tolist()])
        kept = {key: value[known] for key, value in expected.items()}
        agree(each, kept, torch.tensor([numbers[COCO[number]] for number in kept["labels"].tolist()]))
    targets = some_targets()
    columns = torch.tensor([COCO.index(each) for each in detector.class_names])
    assert int(columns[-1]) == 90
    loss = detector.loss(detector(images), targets)
    as_theirs = Targets(targets.boxes, columns[targets.labels] - detector.first, targets.image_index, 2, targets.valid)
    for key, expected in losses(detector, images, as_theirs).items():
        torch.testing.assert_close(loss[key], expected)
