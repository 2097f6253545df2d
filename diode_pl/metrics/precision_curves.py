"""COCO's precision over recall, the matter of every average precision."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.detection import MeanAveragePrecision
from torchmetrics.utilities import dim_zero_cat

from diode_pl.detector import Detections
from diode_pl.targets import Targets

AREAS = ("all", "small", "medium", "large")


class PrecisionCurves(Metric):
    """Precision at 101 recalls, by overlap, class and size of the truth, 100 detections an image and class at most.

    Processes exchange their boxes, so each computes the result of all images. (The metric of torchmetrics exchanges
    image by image, which needs the same number of images everywhere.) Detections of equal score rank in the order of
    the images.

    Args:
        classes: number of classes.
        sync: whether processes exchange their boxes; otherwise each computes the result of its own images.

    Raises:
        ValueError: ``classes`` is below 1.

    Source: Lin et al., Microsoft COCO, ECCV 2014; areas and steps as in the evaluation of cocodataset.org.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    found: list[Tensor]
    found_counts: list[Tensor]
    wanted: list[Tensor]
    wanted_counts: list[Tensor]
    sizes: list[Tensor]

    def __init__(self, classes: int, sync: bool = True) -> None:
        super().__init__(sync_on_compute=sync)
        if classes < 1:
            raise ValueError(f"classes must be at least 1, got {classes}")
        self.classes = classes
        # One dimension and single precision each: what torchmetrics sends for a process that has seen nothing.
        for state in ("found", "found_counts", "wanted", "wanted_counts", "sizes"):
            self.add_state(state, [], dist_reduce_fx="cat")

    def update(self, detections: Sequence[Detections], targets: Targets, sizes: Sequence[tuple[int, int]]) -> None:
        """Takes in one batch.

        Args:
            detections: one entry an image, labels below ``classes``.
            targets: of the same images.
            sizes: height and width of each image in pixels, in which COCO measures what is small.

        Raises:
            ValueError: the numbers of images differ, or a size is not positive.
        """
        if not len(detections) == targets.batch_size == len(sizes):
            raise ValueError(
                f"got detections of {len(detections)} images, targets of {targets.batch_size}, sizes of {len(sizes)}"
            )
        if any(min(size) < 1 for size in sizes):
            raise ValueError(f"sizes must be heights and widths in pixels, at least 1, got {list(sizes)}")
        truths = targets.per_image()
        for found in detections:
            # Not in half precision, which cannot count labels.
            columns = [found.boxes.float(), found.scores[:, None], found.labels[:, None]]
            self._append(self.found, torch.cat(columns, dim=1))
        for boxes, labels in truths:
            self._append(self.wanted, torch.cat([boxes.float(), labels[:, None]], dim=1))
        self._append(self.found_counts, torch.tensor([len(found.labels) for found in detections]))
        self._append(self.wanted_counts, torch.tensor([len(labels) for _, labels in truths]))
        self._append(self.sizes, torch.tensor(sizes))

    def compute(self) -> Float[Tensor, "10 101 classes 4"]:
        """The curves over all images so far.

        Returns:
            Precision in [0, 1] at IoU 0.5, 0.55, ... 0.95, at recalls 0, 0.01, ... 1, for each class and each of
            ``AREAS``; -1 where there is no truth.
        """
        curves = torch.full((10, 101, self.classes, len(AREAS)), -1.0, dtype=torch.float64)
        sizes = self._joined(self.sizes).reshape(-1, 2)
        if not len(sizes):
            return curves
        # x1, y1, x2, y2 scale with width, height, width, height.
        scale = sizes[:, [1, 0, 1, 0]]
        found = self._joined(self.found).reshape(-1, 6).split(self._joined(self.found_counts).long().tolist())
        wanted = self._joined(self.wanted).reshape(-1, 5).split(self._joined(self.wanted_counts).long().tolist())
        metric = MeanAveragePrecision(
            backend="faster_coco_eval",
            # Exact steps: torchmetrics' own are rounded to single precision, which moves a score by up to 0.002.
            iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
            rec_thresholds=np.linspace(0, 1, 101).tolist(),
            max_detection_thresholds=[1, 10, 100],
            extended_summary=True,
            # Every process has the boxes of all by now.
            sync_on_compute=False,
        )
        metric.warn_on_many_detections = False
        predictions = [
            {"boxes": rows[:, :4] * pixels, "scores": rows[:, 4], "labels": rows[:, 5].long()}
            for rows, pixels in zip(found, scale, strict=True)
        ]
        truths = [
            {"boxes": rows[:, :4] * pixels, "labels": rows[:, 4].long()}
            for rows, pixels in zip(wanted, scale, strict=True)
        ]
        metric.update(predictions, truths)
        result = metric.compute()
        # torchmetrics makes a scalar of the list of a single class.
        known = result["classes"].long().reshape(-1)
        if len(known):
            curves[:, :, known] = result["precision"][..., -1].double()
        return curves

    def _append(self, state: list[Tensor], rows: Tensor) -> None:
        state.append(rows.to(self.device, torch.float32).flatten())

    @staticmethod
    def _joined(state: list[Tensor]) -> Tensor:
        """All of a state in double precision on the CPU, where the evaluation runs."""
        return dim_zero_cat(state).cpu().double() if len(state) else torch.zeros(0, dtype=torch.float64)


def average(precision: Tensor) -> float | None:
    """Mean of what is known, as COCO averages; None where nothing is."""
    known = precision[precision > -1]
    return float(known.mean()) if len(known) else None


def mean_average_precision(
    detections: Sequence[Detections], targets: Targets, class_map: Sequence[int] | None = None
) -> float:
    """Mean over the targets' classes of the average precision at IoU 0.5 (COCO's AP50), in this process alone.

    Args:
        detections: one entry per image, labels in the detector's own numbering.
        targets: of the same images.
        class_map: the targets' label for each of the detector's labels, -1 for one that they do not have; None if both
            sides share a numbering. Targets of a class that the detector does not have are left out.

    Returns:
        In [0, 1]; 0 without a target.

    Raises:
        ValueError: the numbers of images differ.
    """
    targets = targets.to("cpu").compact()
    if class_map is not None:
        detections = [found.relabel(class_map) for found in detections]
        targets = targets.keep(torch.isin(targets.labels, torch.tensor(class_map))).compact()
    labels = torch.cat([targets.labels, *(found.labels.cpu() for found in detections)])
    curves = PrecisionCurves(int(labels.max()) + 1 if len(labels) else 1, sync=False)
    # Any size does: what is small by COCO's measure counts for AP50 like all else.
    curves.update(detections, targets, [(1, 1)] * len(detections))
    return average(curves.compute()[0, ..., 0]) or 0.0
