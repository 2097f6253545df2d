from collections.abc import Sequence

import numpy as np
import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.metrics import PrecisionCurves, mean_average_precision
from diode_pl.targets import Targets
from tests.metrics.oracle import coco_evaluation
from tests.metrics.random_set import CLASSES, nothing, perfect, random_boxes, random_ignored, random_set, random_sizes
from tests.tiny import no_boxes


@pytest.mark.parametrize("seed", range(4))
def test_curves_are_those_of_pycocotools(seed: int) -> None:
    detections, targets = random_set(images=40, seed=seed, noise=0.015)
    sizes = random_sizes(40, seed)
    metric = PrecisionCurves(CLASSES)
    metric.update(detections, targets, sizes)
    oracle = coco_evaluation(detections, targets, sizes, CLASSES).eval["precision"][..., -1]
    assert metric.compute().numpy() == pytest.approx(oracle, abs=1e-12)
    assert all(0.05 < oracle[..., area][oracle[..., area] > -1].mean() < 0.95 for area in range(4))


@pytest.mark.parametrize("seed", range(3))
def test_crowds_and_stated_areas_are_those_of_pycocotools(seed: int) -> None:
    detections, targets = random_set(images=40, seed=seed, noise=0.015)
    sizes, crowds = random_sizes(40, seed), random_ignored(40, crowd=True, seed=seed)
    areas = torch.tensor(np.random.default_rng(seed).integers(0, 3, len(targets)) * 4000.0).float()
    metric = PrecisionCurves(CLASSES)
    metric.update(detections, targets, sizes, areas, crowds)
    plain, oracle = (
        coco_evaluation(detections, targets, sizes, CLASSES, *rest).eval["precision"][..., -1]
        for rest in ((), (areas.tolist(), crowds))
    )
    assert metric.compute().numpy() == pytest.approx(oracle, abs=1e-12)
    assert all(plain[..., area] != pytest.approx(oracle[..., area], abs=1e-3) for area in range(4))


def test_all_detections_of_an_ignored_object_count_neither_way() -> None:
    """As in Pascal VOC; one that lies inside without overlapping by half is false, unlike in a crowd."""
    box, other = [0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]
    targets = Targets.from_images([(torch.tensor([other]), torch.tensor([0]))])
    near, inside = [0.1, 0.1, 0.5, 0.45], [0.1, 0.1, 0.2, 0.2]
    for boxes, crowd, expected in (
        ([box, near, other], False, 1.0),
        ([box, inside, other], False, 0.5),
        ([box, inside, other], True, 1.0),
    ):
        count = len(boxes)
        found = Detections(torch.tensor(boxes), torch.linspace(0.9, 0.7, count), torch.zeros(count, dtype=torch.long))
        metric = PrecisionCurves(1)
        metric.update([found], targets, [(100, 100)], None, [Ignored.from_objects([(0, box, crowd)])])
        assert metric.compute()[0, :, 0, 0].unique().tolist() == pytest.approx([expected])


def test_a_class_whose_objects_are_all_ignored_has_no_curve() -> None:
    metric, box = PrecisionCurves(1), [0.1, 0.1, 0.5, 0.5]
    found = Detections(torch.tensor([box]), torch.ones(1), torch.tensor([0]))
    metric.update([found], no_boxes(1), [(9, 9)], None, [Ignored.from_objects([(0, box, False)])])
    assert metric.compute().eq(-1).all()


def test_at_most_a_hundred_detections_of_a_class_count() -> None:
    box = torch.tensor([[0.1, 0.1, 0.5, 0.5]])
    boxes = torch.cat([torch.tensor(random_boxes(np.random.default_rng(0), 100)) + 2, box])
    targets = Targets.from_images([(box, torch.tensor([0]))])
    for last, expected in ((101, 0), (100, 0.01)):
        metric = PrecisionCurves(1)
        few, scores = boxes[-last:], torch.linspace(1, 0, last)
        metric.update([Detections(few, scores, torch.zeros(last, dtype=torch.long))], targets, [(100, 100)])
        assert float(metric.compute()[0, :, 0, 0].mean()) == pytest.approx(expected)


def test_labels_survive_half_precision() -> None:
    box = torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    targets = Targets.from_images([(box, torch.tensor([301]))])
    metric = PrecisionCurves(302)
    metric.update([Detections(box.bfloat16(), torch.ones(1).bfloat16(), torch.tensor([301]))], targets, [(64, 64)])
    curves = metric.compute()
    assert curves[..., 301, 0].eq(1).all() and curves[..., :301, :].eq(-1).all()


def test_what_is_not_there_is_marked() -> None:
    empty = PrecisionCurves(CLASSES)
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert empty.compute().eq(-1).all()
    for found in (random_set()[0], nothing(8)):
        metric = PrecisionCurves(CLASSES)
        metric.update(found, no_boxes(8), random_sizes(8))
        assert metric.compute().eq(-1).all()


def test_bad_input_raises(unchecked: None) -> None:
    with pytest.raises(ValueError, match="classes must be >= 1, got 0"):
        PrecisionCurves(0)
    metric = PrecisionCurves(CLASSES)
    with pytest.raises(ValueError, match="of 3 images, targets of 8, sizes of 2"):
        metric.update(nothing(3), no_boxes(8), random_sizes(2))
    with pytest.raises(ValueError, match=r"got \[\(0, 5\)\]"):
        metric.update(nothing(1), no_boxes(1), [(0, 5)])


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
    with pytest.raises(ValueError, match="3 images, targets of 8"):
        mean_average_precision(nothing(3), random_set()[1])
