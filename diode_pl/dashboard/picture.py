"""Pictures with several layers of boxes, which a dashboard shows one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector import Detections
from diode_pl.targets import Targets


@dataclass(frozen=True)
class Boxes:
    """Boxes of one image and one source: targets, or what a detector finds.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height; may reach outside [0, 1].
        labels: class indices.
        scores: in [0, 1]; None for targets.
    """

    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    scores: Float[Tensor, " m"] | None = None

    @classmethod
    def from_detections(cls, found: Detections, confidence: float = 0.0) -> "Boxes":
        """Those that score at least ``confidence``."""
        kept = found.scores >= confidence
        return cls(found.boxes[kept].detach().cpu(), found.labels[kept].cpu(), found.scores[kept].detach().cpu())

    def captions(self, class_names: Sequence[str]) -> list[str]:
        """Class name of each box, with its score if there is one.

        Example:
            >>> import torch
            >>> Boxes(torch.zeros(1, 4), torch.tensor([1]), torch.tensor([0.5])).captions(["mug", "key"])
            ['key 0.50']
        """
        names = [class_names[label] for label in self.labels.tolist()]
        if self.scores is None:
            return names
        return [f"{name} {score:.2f}" for name, score in zip(names, self.scores.tolist(), strict=True)]


@dataclass(frozen=True)
class Picture:
    """An image with layers of boxes.

    Args:
        image: RGB in [0, 1].
        caption: a word on it, such as the name of its file; the same in every step for what is one image.
        layers: boxes by source, such as ``targets`` and ``teacher``.
    """

    image: Float[Tensor, "3 h w"]
    caption: str
    layers: Mapping[str, Boxes] = field(default_factory=dict)


def to_pictures(
    images: Float[Tensor, "n 3 h w"],
    captions: Sequence[str],
    targets: tuple[str, Targets],
    detections: Mapping[str, Sequence[Detections]],
    confidence: float,
) -> list[Picture]:
    """Joins a batch of images with its targets and with what detectors find in it.

    Args:
        images: RGB in [0, 1].
        captions: one per image; the pictures are as many, the first of the batch.
        targets: what their layer is called, and the boxes.
        detections: per detector, one entry per image.
        confidence: detections below it are left out, in [0, 1].
    """
    title, wanted = targets
    truths = wanted.to("cpu").per_image()
    pictures = []
    for i, caption in enumerate(captions):
        layers = {title: Boxes(truths[i][0].detach(), truths[i][1])}
        layers |= {who: Boxes.from_detections(found[i], confidence) for who, found in detections.items()}
        pictures.append(Picture(images[i].detach().float().cpu(), caption, layers))
    return pictures
