"""Pictures with layers of boxes."""

import torch

from diode_pl.dashboard.picture import Boxes, to_pictures
from diode_pl.detector import Detections
from diode_pl.targets import Targets

BOX = torch.tensor([[0.1, 0.2, 0.5, 0.6]])


def test_each_image_gets_its_own_boxes_of_every_layer() -> None:
    targets = Targets(BOX.repeat(2, 1), torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    found = [Detections(BOX.repeat(2, 1), torch.tensor([0.9, 0.1]), torch.tensor([1, 0])), _nothing()]
    pictures = to_pictures(torch.rand(2, 3, 8, 8), ["a", "b"], ("truth", targets), {"student": found}, 0.3)
    assert [list(each.layers) for each in pictures] == [["truth", "student"]] * 2
    assert [each.layers["truth"].labels.tolist() for each in pictures] == [[0], [1]]
    assert [each.layers["student"].labels.tolist() for each in pictures] == [[1], []]
    assert pictures[0].layers["student"].captions(["mug", "key"]) == ["key 0.90"]
    assert pictures[1].layers["truth"].captions(["mug", "key"]) == ["key"]


def test_as_many_pictures_as_captions() -> None:
    targets = Targets(BOX, torch.tensor([0]), torch.tensor([0]), 2)
    assert len(to_pictures(torch.rand(2, 3, 8, 8), ["a"], ("truth", targets), {}, 0.3)) == 1


def test_detections_at_the_threshold_stay() -> None:
    found = Detections(BOX.repeat(2, 1), torch.tensor([0.5, 0.25]), torch.tensor([1, 0]))
    assert Boxes.from_detections(found, 0.5).labels.tolist() == [1]
    assert Boxes.from_detections(found).labels.tolist() == [1, 0]


def _nothing() -> Detections:
    return Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long))
