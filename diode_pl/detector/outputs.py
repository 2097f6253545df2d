"""Outputs and predictions of detectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.html_table import to_table

_EDGES = ("x1", "y1", "x2", "y2")  # in units of image width and height


@dataclass(frozen=True)
class Outputs:
    """Result of a detector's forward pass.

    Args:
        heads: raw output of each head, without sigmoid or softmax.
        features: input of each head, ``(n, c, h, w)``; a second stage reads all of them.
        strides: input pixels per cell of each feature map.
        image_size: height and width of the input in pixels.
        proposals: boxes per image that a second stage evaluates, without gradient: x1, y1, x2, y2 in pixels. Empty for
            one-stage detectors.

    Example:
        >>> heads, features = (torch.rand(2, 255, 20, 20),), (torch.rand(2, 256, 20, 20),)
        >>> outputs = Outputs(heads, features, strides=(8,), image_size=(160, 160))
    """

    heads: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    strides: tuple[int, ...]
    image_size: tuple[int, int]
    proposals: tuple[Float[Tensor, "_ 4"], ...] = ()

    def require_finite(self, role: str) -> None:
        """Raises a ValueError if a number is NaN or infinite, of which no detections and a score of 0 would come.

        Triggers a device sync.

        Args:
            role: of the detector in the error message, such as ``teacher``.
        """
        for kind, maps in (("head", self.heads), ("feature map", self.features)):
            for i, each in enumerate(maps):
                if not bool(torch.isfinite(each).all()):
                    raise ValueError(
                        f"{role}: its outputs are not finite, {kind} {i} (from 0) holds NaN or infinity; expected "
                        "trained weights, and images in [0, 1]. In half precision, the precision 32-true may help"
                    )


@dataclass(frozen=True)
class DensePredictions:
    """All candidates of a detector in a common form, for distillation between different heads.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height; may reach outside [0, 1].
        objectness: probability of an object, in [0, 1].
        classes: probability of each class given an object, in [0, 1]; zero classes for a class-agnostic stage.
        priors: reference box of each candidate, such as an anchor centered in its cell, in the units of ``boxes``;
            shared by all images or per image.
        cells: region of the centers that each candidate is responsible for: x1 <= x < x2, y1 <= y < y2. If None, it is
            responsible for the objects that its prior covers.
        queries: whether each candidate may predict any object, and no two of them the same, as in DETR: objects are
            assigned to all candidates at once, and neither prior nor cell counts.
        has_objectness: False where the head scores each class by itself, as in RetinaNet: ``objectness`` is then the
            highest score and ``classes`` are shares of it, so that the highest one is always 1.

    Example:
        >>> cells = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]])
        >>> dense = DensePredictions(cells[None], torch.rand(1, 2), torch.rand(1, 2, 80), priors=cells, cells=cells)
    """

    boxes: Float[Tensor, "n m 4"]
    objectness: Float[Tensor, "n m"]
    classes: Float[Tensor, "n m c"]
    priors: Float[Tensor, "... m 4"]
    cells: Float[Tensor, "m 4"] | None
    queries: bool = False
    has_objectness: bool = True


@dataclass(frozen=True)
class MatchedPredictions:
    """Candidates that the training loss assigns to a target; several may share a target.

    Args:
        image: index of each candidate's image in the batch.
        target: index of its box in the targets.
        boxes: predicted boxes, with gradient, in float32 or float64: x1, y1, x2, y2 in units of image width and height;
            may reach outside [0, 1].
        class_logits: with gradient, in float32 or float64; the last is background for heads with softmax.

    Example:
        >>> image, target = torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1])  # two candidates of the first target
        >>> matched = MatchedPredictions(image, target, boxes=torch.rand(3, 4), class_logits=torch.rand(3, 80))
    """

    image: Int[Tensor, " k"]
    target: Int[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    class_logits: Float[Tensor, "k c"]


@dataclass(frozen=True)
class Detections:
    """Detections of one image, best score first.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height.
        scores: in [0, 1].
        labels: class indices.

    Example:
        >>> detections = Detections(torch.rand(3, 4), torch.tensor([0.9, 0.8, 0.3]), torch.tensor([0, 1, 0]))
        >>> detections.relabel([5, -1]).labels
        tensor([5, 5])
    """

    boxes: Float[Tensor, "m 4"]
    scores: Float[Tensor, " m"]
    labels: Int[Tensor, " m"]

    def _repr_html_(self) -> str:
        columns = [self.labels.tolist(), self.scores.tolist(), *self.boxes.T.tolist()]
        return to_table(f"{len(self.labels)} detections", ["label", "score", *_EDGES], list(zip(*columns, strict=True)))

    def relabel(self, labels: Sequence[int]) -> "Detections":
        """Maps the labels to other ones.

        Args:
            labels: new label of each class; detections of a class mapped to -1 are dropped.
        """
        new = torch.tensor(labels, device=self.labels.device)[self.labels]
        return Detections(self.boxes[new >= 0], self.scores[new >= 0], new[new >= 0])
