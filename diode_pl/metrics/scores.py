"""The scores of a detector on a validation set."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diode_pl.detector import Detections
from diode_pl.metrics.operating_point import OperatingPoint
from diode_pl.metrics.precision_curves import AREAS, PrecisionCurves, average
from diode_pl.targets import Targets


class DetectionScores(nn.Module):
    """COCO's average precisions, and precision, recall and F1 at IoU 0.5, gathered batch by batch.

    Inside a process group every process updates with images of its own, and :meth:`compute` and :meth:`per_class`,
    which all of them call, give each the scores of all images.

    Args:
        class_names: one name a class, in the order of the labels.
        evaluated: labels that the validation set knows; None means all. Boxes of other classes, found or true, do
            not count.

    Raises:
        ValueError: ``evaluated`` names no class or one that does not exist.
    """

    def __init__(self, class_names: Sequence[str], evaluated: Sequence[int] | None = None) -> None:
        super().__init__()
        self.class_names = tuple(class_names)
        self.evaluated = sorted(set(range(len(class_names)) if evaluated is None else evaluated))
        if not self.evaluated or not 0 <= self.evaluated[0] <= self.evaluated[-1] < len(class_names):
            raise ValueError(
                f"evaluated must name classes from 0 to {len(class_names) - 1}, at least one, got {evaluated}: "
                "give the labels that the validation set shares with the detector, or leave it out for all"
            )
        self.operating_point = OperatingPoint(len(class_names))
        self.curves = PrecisionCurves(len(class_names))

    def update(self, detections: Sequence[Detections], targets: Targets, sizes: Sequence[tuple[int, int]]) -> None:
        """Takes in one batch.

        Args:
            detections: one entry an image, boxes in units of image width and height.
            targets: of the same images.
            sizes: height and width of each original image in pixels, in which COCO measures what is small.

        Raises:
            ValueError: the numbers of images differ, a size is not positive, or a target's class has no name.
        """
        names, wanted = len(self.class_names), targets.to("cpu").compact()
        strange = wanted.labels[(wanted.labels < 0) | (wanted.labels >= names)]
        if len(strange):
            raise ValueError(
                f"targets have label {int(strange[0])}, the classes are 0 to {names - 1}: "
                "map the classes of the validation set to those of the detector by name"
            )
        wanted = wanted.keep(self._counts(wanted.labels)).compact()
        found = [self._counted(one) for one in detections]
        # The curves first: they check more, and neither must take in what the other refuses.
        self.curves.update(found, wanted, sizes)
        self.operating_point.update(found, wanted)

    def compute(self) -> dict[str, float]:
        """The scores over all images so far.

        Returns:
            AP (mean over IoU 0.5 to 0.95), AP50, AP75, AP_small, AP_medium, AP_large (sides up to 32 px, up to 96 px
            and above, by the area of the box; left out where no truth is of that size), precision, recall and F1 at
            IoU 0.5, all in [0, 1], and the confidence where F1 is best, at which those three stand. Zero where there
            is no truth at all.
        """
        curves, point = self.curves.compute(), self.operating_point.compute()
        scores = {"AP": curves[..., 0], "AP50": curves[0, ..., 0], "AP75": curves[5, ..., 0]}
        scores |= {f"AP_{area}": curves[..., i] for i, area in enumerate(AREAS) if i}
        averages = {name: average(part) for name, part in scores.items()}
        known = {name: value or 0.0 for name, value in averages.items() if value is not None or "_" not in name}
        return known | {name: float(point[name]) for name in ("precision", "recall", "F1", "confidence")}

    def per_class(self) -> dict[str, dict[str, float]]:
        """The scores of each evaluated class by name.

        Returns:
            AP, AP50 and AP75, left out for a class without a truth; precision, recall and F1 at IoU 0.5 and at the
            confidence that is best for all classes together; the number of truths.
        """
        curves, point = self.curves.compute()[..., 0], self.operating_point.compute()
        scores = {}
        for label in self.evaluated:
            one = curves[:, :, label]
            averages = {"AP": average(one), "AP50": average(one[0]), "AP75": average(one[5])}
            # torchmetrics makes a scalar of the counts of a single class.
            truths, right, wrong = (
                float(point[name].reshape(-1)[label]) for name in ("truths", "true_positives", "false_positives")
            )
            counted = {"precision": right / max(1.0, right + wrong), "recall": right / max(1.0, truths)}
            counted |= {"F1": 2 * right / max(1.0, right + wrong + truths), "truths": truths}
            scores[self.class_names[label]] = {k: v for k, v in averages.items() if v is not None} | counted
        return scores

    def reset(self) -> None:
        """Forgets all images."""
        self.curves.reset()
        self.operating_point.reset()

    def _counts(self, labels: Tensor) -> Tensor:
        return torch.isin(labels, torch.tensor(self.evaluated))

    def _counted(self, found: Detections) -> Detections:
        labels = found.labels.cpu()
        where = self._counts(labels)
        return Detections(found.boxes.cpu()[where], found.scores.cpu()[where], labels[where])
