"""COCO's precision-recall curves, from which average precisions are computed."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.detection import MeanAveragePrecision
from torchmetrics.utilities import dim_zero_cat
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.targets import Targets

AREAS = ("all", "small", "medium", "large")
_OBJECT, _ALONE, _CROWD = 0, 1, 2  # what a row of the ground truth is; the last two are ignored
_IN_NO_RANGE = 1e12  # pixels: COCO ignores what is outside of a range of areas, as we do one object in all of them


class PrecisionCurves(Metric):
    """Precision at 101 recalls by IoU, class and box size, with at most 100 detections per image and class.

    Every process computes the result of all images; unlike torchmetrics, ranks may have different numbers of images.
    Detections of equal score rank in the order of the images.

    Args:
        classes: number of classes, >= 1.
        sync: whether processes exchange their boxes; otherwise each computes the result of its own images.

    Raises:
        ValueError: if ``classes`` is below 1.

    Example:
        >>> box, label = torch.tensor([[0, 0, 0.5, 0.5]]), torch.tensor([0])
        >>> metric = PrecisionCurves(classes=1)
        >>> metric.update([Detections(box, torch.tensor([0.9]), label)], Targets.from_images([(box, label)]), [(8, 8)])
        >>> metric.compute().shape
        torch.Size([10, 101, 1, 4])

    Source: Lin et al., Microsoft COCO, ECCV 2014; areas and steps as in the evaluation of cocodataset.org.
    """

    full_state_update, is_differentiable, higher_is_better = False, False, True
    detection_rows: list[Tensor]
    detection_counts: list[Tensor]
    truth_rows: list[Tensor]
    truth_counts: list[Tensor]
    sizes: list[Tensor]

    def __init__(self, classes: int, sync: bool = True) -> None:
        super().__init__(sync_on_compute=sync)
        if classes < 1:
            raise ValueError(f"classes must be >= 1, got {classes}")
        self.classes = classes
        # One dimension and single precision each, as torchmetrics sends for a process without images.
        for state in ("detection_rows", "detection_counts", "truth_rows", "truth_counts", "sizes"):
            self.add_state(state, [], dist_reduce_fx="cat")

    def update(
        self,
        detections: Sequence[Detections],
        targets: Targets,
        sizes: Sequence[tuple[int, int]],
        areas: Float[Tensor, " k"] | None = None,
        ignored: Sequence[Ignored | None] = (),
    ) -> None:
        """Adds one batch.

        Args:
            detections: one entry per image, labels below ``classes``.
            targets: of the same images.
            sizes: height and width of each image in pixels, for COCO's box sizes.
            areas: of the objects of ``targets`` in pixels, which are their sizes; 0, or None for all, takes the box's.
            ignored: regions of each image where detections count neither way; empty for none.

        Raises:
            ValueError: if the numbers of images differ, or a size is not positive.
        """
        ignored = ignored or [None] * len(detections)
        if not len(detections) == targets.batch_size == len(sizes) == len(ignored):
            raise ValueError(
                f"got detections of {len(detections)} images, targets of {targets.batch_size}, sizes of {len(sizes)}, "
                f"ignored regions of {len(ignored)}"
            )
        if any(min(size) < 1 for size in sizes):
            raise ValueError(f"sizes must be heights and widths >= 1 in pixels, got {list(sizes)}")
        measured = torch.zeros(len(targets)) if areas is None else areas.cpu()
        targets, counts = targets.to("cpu"), list[int]()
        for i, (found, regions) in enumerate(zip(detections, ignored, strict=True)):
            # Not in half precision, which cannot represent all labels.
            columns = [found.boxes.float(), found.scores[:, None], found.labels[:, None]]
            self._append(self.detection_rows, torch.cat(columns, dim=1))
            mask = targets.valid & (targets.image_index == i)
            rows = [_rows(targets.boxes[mask], targets.labels[mask], measured[mask], _OBJECT)]
            if regions is not None:
                kind = torch.where(regions.crowd, _CROWD, _ALONE)
                rows.append(_rows(regions.boxes, regions.labels, torch.zeros(len(regions)), kind))
            self._append(self.truth_rows, torch.cat(rows))
            counts.append(sum(map(len, rows)))
        self._append(self.detection_counts, torch.tensor([len(image.labels) for image in detections]))
        self._append(self.truth_counts, torch.tensor(counts))
        self._append(self.sizes, torch.tensor(sizes))

    def compute(self) -> Float[Tensor, "10 101 classes 4"]:
        """Computes the curves over all images.

        Returns:
            Precision in [0, 1] at IoU 0.5, 0.55, ... 0.95, at recalls 0, 0.01, ... 1, per class and per area in
            ``AREAS``; -1 without ground truth.
        """
        curves = torch.full((10, 101, self.classes, len(AREAS)), -1.0, dtype=torch.float64)
        sizes = self._join(self.sizes).reshape(-1, 2)
        if not len(sizes):
            return curves
        # x1, y1, x2, y2 scale with width, height, width, height.
        scale = sizes[:, [1, 0, 1, 0]]
        detection_rows = self._split(self.detection_rows, 6, self.detection_counts)
        truth_rows = self._split(self.truth_rows, 7, self.truth_counts)
        metric = MeanAveragePrecision(
            backend="faster_coco_eval",
            # Exact steps: torchmetrics' own are rounded to single precision, which moves a score by up to 0.002.
            iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
            rec_thresholds=np.linspace(0, 1, 101).tolist(),
            max_detection_thresholds=[1, 10, 100],
            extended_summary=True,
            sync_on_compute=False,  # every process has all boxes by now
        )
        metric.warn_on_many_detections = False
        predictions = [
            {"boxes": rows[:, :4] * pixels, "scores": rows[:, 4], "labels": rows[:, 5].long()}
            for rows, pixels in zip(detection_rows, scale, strict=True)
        ]
        truths = [
            {
                "boxes": rows[:, :4] * pixels,
                "labels": rows[:, 4].long(),
                "area": torch.where(rows[:, 6] == _ALONE, _IN_NO_RANGE, rows[:, 5]),  # torchmetrics measures a 0 itself
                "iscrowd": (rows[:, 6] == _CROWD).long(),
            }
            for rows, pixels in zip(map(_repeat_alone, truth_rows, detection_rows), scale, strict=True)
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

    def _split(self, rows: list[Tensor], columns: int, counts: list[Tensor]) -> Sequence[Tensor]:
        return self._join(rows).reshape(-1, columns).split(self._join(counts).long().tolist())

    @staticmethod
    def _join(state: list[Tensor]) -> Tensor:
        """A whole state in double precision on the CPU, where the evaluation runs."""
        return dim_zero_cat(state).cpu().double() if len(state) else torch.zeros(0, dtype=torch.float64)


def _rows(boxes: Tensor, labels: Tensor, areas: Tensor, kind: int | Tensor) -> Float[Tensor, "m 7"]:
    columns = [labels, areas, torch.as_tensor(kind).expand(len(labels))]
    return torch.cat([boxes.float(), *(column[:, None].float() for column in columns)], dim=1)


def _repeat_alone(truths: Tensor, detections: Tensor) -> Tensor:
    """Adds copies of ignored objects: COCO ignores one detection of each, Pascal VOC all that overlap it."""
    alone = truths[truths[:, 6] == _ALONE]
    near = (box_iou(alone[:, :4], detections[:, :4]) >= 0.5) & (alone[:, 4, None] == detections[:, 5])
    return torch.cat([truths, alone.repeat_interleave((near.sum(dim=1) - 1).clamp(min=0), dim=0)])


def average(precision: Tensor) -> float | None:
    """Mean of the known values, as COCO averages; None if there are none."""
    known = precision[precision > -1]
    return float(known.mean()) if len(known) else None


def mean_average_precision(
    detections: Sequence[Detections], targets: Targets, class_map: Sequence[int] | None = None
) -> float:
    """COCO's AP50, the mean over the targets' classes of the average precision at IoU 0.5, in this process alone.

    Args:
        detections, targets: of the same images.
        class_map: the targets' label, or -1, for each of the detector's; None if they are the same. Targets of classes
            that the detector lacks are ignored.

    Returns:
        In [0, 1]; 0 without targets.

    Raises:
        ValueError: if the numbers of images differ.
    """
    targets = targets.to("cpu").compact()
    if class_map is not None:
        detections = [found.relabel(class_map) for found in detections]
        targets = targets.keep(torch.isin(targets.labels, torch.tensor(class_map))).compact()
    labels = torch.cat([targets.labels, *(found.labels.cpu() for found in detections)])
    curves = PrecisionCurves(int(labels.max()) + 1 if len(labels) else 1, sync=False)
    # Any size will do: AP50 includes boxes of all sizes.
    curves.update(detections, targets, [(1, 1)] * len(detections))
    return average(curves.compute()[0, ..., 0]) or 0.0
