import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from diode_pl.detector import Detections
from diode_pl.metrics import mean_average_precision
from diode_pl.targets import Targets
from tests.tiny import no_boxes

CLASSES = 3


def random_set(images: int = 8, seed: int = 0) -> tuple[list[Detections], Targets]:
    """Targets, and detections that hit some of them, more or less well, beside false ones."""
    draw = np.random.default_rng(seed)
    wanted, found = [], []
    for _ in range(images):
        count = int(draw.integers(0, 5))
        boxes, labels = random_boxes(draw, count), draw.integers(0, CLASSES, count)
        near = boxes + draw.normal(0, 0.04, boxes.shape).astype("f4")
        seen = np.where(draw.random(count) < 0.8, labels, 0)
        both = np.concatenate([near, random_boxes(draw, 3)])
        names = np.concatenate([seen, draw.integers(0, CLASSES, 3)])
        scores = np.sort(draw.random(count + 3).astype("f4"))[::-1].copy()
        order = draw.permutation(count + 3)
        wanted.append((torch.tensor(boxes), torch.tensor(labels)))
        found.append(Detections(torch.tensor(both[order]), torch.tensor(scores), torch.tensor(names[order])))
    return found, Targets.of_images(wanted)


def random_boxes(draw: np.random.Generator, count: int) -> np.ndarray:
    corner, size = draw.uniform(0, 0.6, (count, 2)), draw.uniform(0.1, 0.4, (count, 2))
    return np.concatenate([corner, corner + size], axis=1).astype("f4")


def slow_ap50(detections: Sequence[Detections], targets: Targets, side: float = 500.0) -> float:
    """pycocotools on the same boxes in pixels."""
    annotations = [
        {"image_id": i, "category_id": int(c), "bbox": [x1, y1, x2 - x1, y2 - y1], "area": 1.0, "iscrowd": 0}
        for i, (boxes, labels) in enumerate(targets.per_image())
        for (x1, y1, x2, y2), c in zip((boxes * side).tolist(), labels, strict=True)
    ]
    results = [
        {"image_id": i, "category_id": int(c), "bbox": [x1, y1, x2 - x1, y2 - y1], "score": float(s)}
        for i, found in enumerate(detections)
        for (x1, y1, x2, y2), s, c in zip((found.boxes * side).tolist(), found.scores, found.labels, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(len(detections))],
            "categories": [{"id": c} for c in range(CLASSES)],
            "annotations": [{"id": i + 1} | a for i, a in enumerate(annotations)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1]  # IoU 0.5, all areas, 100 detections
    return float(precision[precision > -1].mean())


@pytest.mark.parametrize("seed", range(4))
def test_map_is_that_of_pycocotools(seed: int) -> None:
    detections, targets = random_set(seed=seed)
    score = mean_average_precision(detections, targets)
    assert 0.1 < score < 0.95
    assert score == pytest.approx(slow_ap50(detections, targets), abs=1e-6)


def test_perfect_detections_score_one() -> None:
    _, targets = random_set()
    perfect = [Detections(b.clone(), torch.linspace(0.9, 0.8, len(b)), c.clone()) for b, c in targets.per_image()]
    assert mean_average_precision(perfect, targets) == pytest.approx(1.0)


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


def nothing(images: int) -> list[Detections]:
    return [Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long)) for _ in range(images)]


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
