"""The first stage of a two-stage detector."""

import torch
from torchvision.models.detection.image_list import ImageList

from diode_pl.detector.torchvision.region_proposals import RegionProposals
from tests.detector.torchvision.small_networks import SIZE, faster_rcnn, images


@torch.no_grad()
def test_proposals_are_those_of_torchvision() -> None:
    detector, batch = faster_rcnn(), images()
    outputs = detector(batch)
    features = {str(level): each for level, each in enumerate(outputs.features)}
    expected, _ = detector.network.rpn(ImageList(batch, [(SIZE, SIZE)] * 2), features)
    found = RegionProposals(detector.network.rpn).proposals(outputs)
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other)


@torch.no_grad()
def test_every_anchor_of_every_cell_is_a_candidate_without_a_class() -> None:
    detector = faster_rcnn()
    outputs = detector(images())
    dense = RegionProposals(detector.network.rpn).dense(outputs)
    rows = torch.cat([head for head in outputs.heads if head.shape[2] == 5], dim=1)
    assert dense.boxes.shape == (2, 3 * (16**2 + 8**2 + 4**2), 4) and dense.classes.shape[-1] == 0
    torch.testing.assert_close(dense.objectness, rows[..., 0].sigmoid())
