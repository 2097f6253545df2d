import torch

from diode_pl.detector import Detections


def test_another_numbering_leaves_out_the_classes_that_it_lacks() -> None:
    boxes, scores = torch.rand(3, 4), torch.rand(3)
    found = Detections(boxes, scores, torch.tensor([2, 0, 1])).relabel([1, -1, 0])
    assert found.labels.tolist() == [0, 1]
    assert found.boxes.equal(boxes[:2]) and found.scores.equal(scores[:2])
