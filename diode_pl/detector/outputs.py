"""What detectors answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Outputs:
    """What one forward pass of a detector yields.

    Args:
        heads: raw output of each head, before any sigmoid or softmax.
        features: the feature map that enters each head, ``(n, c, h, w)``; a second stage reads them all.
        strides: input pixels per cell of each feature map.
        image_size: height and width of the input in pixels.
        proposals: of each image, the boxes that a second stage looks into, without gradient: x1, y1, x2, y2 in pixels.
            Empty where there is none.
    """

    heads: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    strides: tuple[int, ...]
    image_size: tuple[int, int]
    proposals: tuple[Float[Tensor, "_ 4"], ...] = ()


@dataclass(frozen=True)
class DensePredictions:
    """Every candidate of a detector in one common form, for distillation between unlike heads.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height; may reach outside [0, 1].
        objectness: probability that a candidate holds an object, in [0, 1].
        classes: probability of each class given an object, in [0, 1]; no class at all where a stage tells none apart.
        priors: reference box of each candidate, such as an anchor in the middle of its cell; units as of ``boxes``.
            The same for all images, or of each image.
        cells: the part of the image whose objects each candidate answers for: x1 <= x < x2, y1 <= y < y2. None: it
            answers for the objects that its prior covers.
    """

    boxes: Float[Tensor, "n m 4"]
    objectness: Float[Tensor, "n m"]
    classes: Float[Tensor, "n m c"]
    priors: Float[Tensor, "... m 4"]
    cells: Float[Tensor, "m 4"] | None


@dataclass(frozen=True)
class MatchedPredictions:
    """The candidates of a detector that training holds to a labeled box; several may belong to one box.

    Args:
        image: position of each one's image in the batch.
        target: position of its labeled box in the targets.
        boxes: what it predicts, with gradient: x1, y1, x2, y2 in units of image width and height; may reach outside
            [0, 1].
        class_logits: with gradient; heads that compare classes with background by a softmax have background last.
            Both in float32 or better.
    """

    image: Int[Tensor, " k"]
    target: Int[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    class_logits: Float[Tensor, "k c"]


@dataclass(frozen=True)
class Detections:
    """What a detector reports for one image, best score first.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height.
        scores: in [0, 1].
        labels: class indices.
    """

    boxes: Float[Tensor, "m 4"]
    scores: Float[Tensor, " m"]
    labels: Int[Tensor, " m"]

    def relabel(self, labels: Sequence[int]) -> "Detections":
        """The same in another class numbering.

        Args:
            labels: the new one of each label; detections of a class where it is -1 are left out.
        """
        new = torch.tensor(labels, device=self.labels.device)[self.labels]
        return Detections(self.boxes[new >= 0], self.scores[new >= 0], new[new >= 0])
