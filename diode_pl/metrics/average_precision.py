"""The one figure of a small set: mean average precision at IoU 0.5."""

from collections.abc import Sequence

import numpy as np
import torch
from torchmetrics.detection import MeanAveragePrecision

from diode_pl.detector import Detections
from diode_pl.targets import Targets


def mean_average_precision(
    detections: Sequence[Detections], targets: Targets, class_map: Sequence[int] | None = None
) -> float:
    """Mean over the targets' classes of the average precision at IoU 0.5 (COCO's AP50).

    Args:
        detections: one entry an image, labels in the detector's own numbering.
        targets: of the same images.
        class_map: the targets' label for each of the detector's labels, -1 for one that they do not have; the same
            numbering on both sides when not given. Targets of a class that the detector does not have are left out.

    Returns:
        In [0, 1]; 0 when there is no target.

    Raises:
        ValueError: the numbers of images differ.
    """
    if len(detections) != targets.batch_size:
        raise ValueError(f"got detections of {len(detections)} images and targets of {targets.batch_size}")
    # pycocotools' recall steps: torchmetrics' own are rounded to single precision, which moves a score by up to 0.002.
    steps = np.linspace(0, 1, 101).tolist()
    # No synchronization: each rank scores images of its own.
    metric = MeanAveragePrecision(
        iou_type="bbox", backend="faster_coco_eval", iou_thresholds=[0.5], rec_thresholds=steps, sync_on_compute=False
    )
    metric.warn_on_many_detections = False
    predicted, wanted = [], []
    table = None if class_map is None else torch.tensor(class_map)
    for found, (boxes, labels) in zip(detections, targets.per_image(), strict=True):
        names = found.labels.cpu() if table is None else table[found.labels.cpu()]
        where = names >= 0
        own = torch.ones_like(labels, dtype=torch.bool).cpu() if table is None else torch.isin(labels.cpu(), table)
        # pycocotools' area ranges are in pixels: unit boxes would all count as small, which AP50 overall ignores.
        predicted.append(
            {"boxes": found.boxes.cpu()[where], "scores": found.scores.cpu()[where], "labels": names[where]}
        )
        wanted.append({"boxes": boxes.cpu()[own], "labels": labels.cpu()[own]})
    metric.update(predicted, wanted)
    return max(0.0, float(metric.compute()["map"]))
