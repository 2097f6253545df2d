"""Scores of a detector on a validation set."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.metrics.operating_point import OperatingPoint
from diode_pl.metrics.precision_curves import AREAS, PrecisionCurves, average
from diode_pl.targets import Targets


class DetectionScores(nn.Module):
    """COCO's average precisions, and precision, recall and F1 at IoU 0.5.

    In a process group, every process updates with its own images; :meth:`compute` and :meth:`per_class`, called by
    all processes, return the scores of all images.

    Args:
        class_names: in the order of the labels.
        evaluated: labels of the validation set, None for all; boxes of other classes are ignored.

    Raises:
        ValueError: if ``evaluated`` is empty or contains an unknown label.

    Example:
        >>> box, label = torch.tensor([[0, 0, 0.5, 0.5]]), torch.tensor([1])
        >>> scores = DetectionScores(["mug", "key"])
        >>> scores.update([Detections(box, torch.tensor([0.9]), label)], Targets.from_images([(box, label)]), [(8, 8)])
        >>> round(scores.compute()["AP50"], 3)
        1.0
    """

    def __init__(self, class_names: Sequence[str], evaluated: Sequence[int] | None = None) -> None:
        super().__init__()
        self.class_names = tuple(class_names)
        self.evaluated = sorted(set(range(len(class_names)) if evaluated is None else evaluated))
        if not self.evaluated or not 0 <= self.evaluated[0] <= self.evaluated[-1] < len(class_names):
            raise ValueError(
                f"evaluated must hold labels from 0 to {len(class_names) - 1}, at least one, got {evaluated}: "
                "give the labels that the validation set shares with the detector, or leave it out for all"
            )
        self.operating_point = OperatingPoint(len(class_names))
        self.curves = PrecisionCurves(len(class_names))

    def update(
        self,
        detections: Sequence[Detections],
        targets: Targets,
        sizes: Sequence[tuple[int, int]],
        areas: Float[Tensor, " k"] | None = None,
        ignored: Sequence[Ignored | None] = (),
    ) -> None:
        """Adds one batch, see :meth:`PrecisionCurves.update`.

        Raises:
            ValueError: if the numbers of images differ, a size is not positive, or a label of the targets is unknown.
        """
        classes, truths = len(self.class_names), targets.to("cpu")
        unknown = truths.labels[truths.valid & ((truths.labels < 0) | (truths.labels >= classes))]
        if len(unknown):
            raise ValueError(
                f"targets have label {int(unknown[0])}, the classes are 0 to {classes - 1}: "
                "map the classes of the validation set to those of the detector by name"
            )
        evaluated = torch.tensor(self.evaluated)
        truths = truths.keep(torch.isin(truths.labels, evaluated))
        regions = [each if each is None else each.select(torch.isin(each.labels, evaluated)) for each in ignored]
        kept = [self._keep_evaluated(image) for image in detections]
        # The curves first: they check more, and both must hold the same batches.
        self.curves.update(kept, truths, sizes, areas, regions)
        self.operating_point.update(kept, truths, regions)

    def compute(self) -> dict[str, float]:
        """Computes the scores over all images.

        Returns:
            AP (mean over IoU 0.5 to 0.95), AP50, AP75, AP_small, AP_medium, AP_large (area of the object up to 32 x 32
            px, up to 96 x 96 px and above; missing without a truth of that size), and precision, recall and F1 at IoU
            0.5, all in [0, 1], at the ``confidence`` of the best F1. 0 without any truth.
        """
        curves, point = self.curves.compute(), self.operating_point.compute()
        scores = {"AP": curves[..., 0], "AP50": curves[0, ..., 0], "AP75": curves[5, ..., 0]}
        scores |= {f"AP_{area}": curves[..., i] for i, area in enumerate(AREAS) if i}
        averages = {name: average(part) for name, part in scores.items()}
        known = {name: value or 0.0 for name, value in averages.items() if value is not None or "_" not in name}
        return known | {name: float(point[name]) for name in ("precision", "recall", "F1", "confidence")}

    def per_class(self) -> dict[str, dict[str, float]]:
        """Computes the scores of each evaluated class, by name.

        Returns:
            AP, AP50 and AP75, missing for a class without a truth; precision, recall and F1 at IoU 0.5 and the
            ``confidence`` of :meth:`compute`; the number of truths.
        """
        curves, point = self.curves.compute()[..., 0], self.operating_point.compute()
        scores = {}
        for label in self.evaluated:
            curve = curves[:, :, label]
            averages = {"AP": average(curve), "AP50": average(curve[0]), "AP75": average(curve[5])}
            # torchmetrics makes a scalar of the counts of a single class.
            truths, right, wrong = (
                float(point[name].reshape(-1)[label]) for name in ("truths", "true_positives", "false_positives")
            )
            counted = {"precision": right / max(1.0, right + wrong), "recall": right / max(1.0, truths)}
            counted |= {"F1": 2 * right / max(1.0, right + wrong + truths), "truths": truths}
            scores[self.class_names[label]] = {k: v for k, v in averages.items() if v is not None} | counted
        return scores

    def reset(self) -> None:
        """Removes all images."""
        self.curves.reset()
        self.operating_point.reset()

    def _keep_evaluated(self, detections: Detections) -> Detections:
        labels = detections.labels.cpu()
        where = torch.isin(labels, torch.tensor(self.evaluated))
        return Detections(detections.boxes.cpu()[where], detections.scores.cpu()[where], labels[where])
