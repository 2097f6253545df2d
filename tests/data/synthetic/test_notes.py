"""What a record keeps for the report."""

import torch

from diode_pl.data.synthetic.notes import MAX_DETECTIONS, describe_detections, keep_best
from diode_pl.detector import Detections


def test_only_the_best_are_kept() -> None:
    scores = torch.linspace(1, 0, 60)
    kept = keep_best(Detections(torch.rand(60, 4), scores, torch.arange(60)))
    assert kept.labels.tolist() == list(range(MAX_DETECTIONS))
    few = keep_best(Detections(torch.rand(3, 4), torch.tensor([0.9, 0.05, 0.049]), torch.arange(3)))
    assert few.labels.tolist() == [0, 1]


def test_boxes_are_in_pixels_of_both_sides() -> None:
    found = Detections(torch.tensor([[0.1, 0.2, 0.6, 0.7]]), torch.tensor([0.25]), torch.tensor([4]))
    described = describe_detections(
        [found, Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long())], (100, 200)
    )
    assert described == [
        {"boxes": [[20.0, 20.0, 100.0, 50.0]], "labels": [4], "scores": [0.25]},
        {"boxes": [], "labels": [], "scores": []},
    ]
