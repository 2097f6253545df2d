"""pycocotools on the boxes of a set."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.targets import Targets


def coco_evaluation(
    detections: Sequence[Detections],
    targets: Targets,
    sizes: Sequence[tuple[int, int]],
    classes: int,
    areas: Sequence[float] = (),
    crowds: Sequence[Ignored | None] = (),
) -> COCOeval:
    """pycocotools' finished evaluation; ``sizes`` are heights and widths, ``areas`` of the targets, in pixels."""

    def in_pixels(boxes: np.ndarray, size: tuple[int, int]) -> list[list[float]]:
        corners = boxes.astype("f8") * [size[1], size[0], size[1], size[0]]
        return [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in corners.tolist()]

    annotations = [
        {"image_id": i, "category_id": int(c), "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for i, (boxes, labels) in enumerate(targets.per_image())
        for box, c in zip(in_pixels(boxes.numpy(), sizes[i]), labels, strict=True)
    ]
    for annotation, area in zip(annotations, areas, strict=False):
        annotation["area"] = area or annotation["area"]
    annotations += [
        {"image_id": i, "category_id": int(c), "bbox": box, "area": box[2] * box[3], "iscrowd": 1}
        for i, each in enumerate(crowds)
        if each is not None
        for box, c in zip(in_pixels(each.boxes.numpy(), sizes[i]), each.labels, strict=True)
    ]
    results = [
        {"image_id": i, "category_id": int(c), "bbox": box, "score": float(s)}
        for i, found in enumerate(detections)
        for box, s, c in zip(in_pixels(found.boxes.numpy(), sizes[i]), found.scores, found.labels, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(detections))],
            "categories": [{"id": c} for c in range(classes)],
            "annotations": [{"id": i + 1} | a for i, a in enumerate(annotations)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation
