from collections.abc import Sequence

import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.metrics import mean_average_precision
from diode_pl.targets import Targets
from tests.metrics.oracle import coco_evaluation
from tests.metrics.random_set import CLASSES, nothing, perfect, random_set
from tests.tiny import no_boxes


def slow_ap50(detections: Sequence[Detections], targets: Targets, side: int = 500) -> float:
    """pycocotools on the same boxes in pixels."""
    return float(coco_evaluation(detections, targets, [(side, side)] * len(detections), CLASSES).stats[1])


@pytest.mark.parametrize("seed", range(4))
def test_map_is_that_of_pycocotools(seed: int) -> None:
    detections, targets = random_set(seed=seed)
    score = mean_average_precision(detections, targets)
    assert 0.1 < score < 0.95
    assert score == pytest.approx(slow_ap50(detections, targets), abs=1e-6)


def test_perfect_detections_score_one() -> None:
    _, targets = random_set()
    assert mean_average_precision(perfect(targets), targets) == pytest.approx(1.0)


def test_class_map_renumbers_and_leaves_out_what_one_side_does_not_know() -> None:
    detections, targets = random_set()
    # The detector calls class 2 "0" and class 0 "2", knows a class 3 of its own, and nothing of class 1.
    other = {0: 2, 1: 3, 2: 0}
    theirs = [
        Detections(found.boxes, found.scores, torch.tensor([other[int(c)] for c in found.labels]))
        for found in detections
    ]
    kept = [found.labels != 1 for found in detections]
    known = [Detections(f.boxes[k], f.scores[k], f.labels[k]) for f, k in zip(detections, kept, strict=True)]
    oracle = slow_ap50(known, targets.keep(targets.labels != 1))
    assert mean_average_precision(theirs, targets, [2, -1, 0, -1]) == pytest.approx(oracle, abs=1e-6)
    assert oracle != pytest.approx(slow_ap50(detections, targets), abs=1e-3)


def test_boxes_that_are_switched_off_are_not_wanted() -> None:
    detections, targets = random_set()
    half = targets.keep(torch.arange(len(targets)) % 2 == 0)
    assert mean_average_precision(detections, half) == mean_average_precision(detections, half.compact())
    assert mean_average_precision(detections, half) < mean_average_precision(detections, targets)


def test_without_detections_the_score_is_zero() -> None:
    _, targets = random_set()
    assert mean_average_precision(nothing(8), targets) == 0
    assert mean_average_precision(nothing(8), targets, [0, 1, -1]) == 0


def test_without_targets_the_score_is_zero() -> None:
    detections, _ = random_set()
    empty = no_boxes(8)
    assert mean_average_precision(detections, empty) == mean_average_precision(nothing(8), empty) == 0


def test_unlike_numbers_of_images_raise() -> None:
    with pytest.raises(ValueError, match="3 images and targets of 8"):
        mean_average_precision(nothing(3), random_set()[1])
