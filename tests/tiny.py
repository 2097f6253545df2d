"""A detector of three layers that answers at once, and one step of a synthesis with it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diode_pl.detector import BatchNormRecorder, DensePredictions, Detections, Detector, Outputs
from diode_pl.synthesis.losses import Loss, SynthesisState
from diode_pl.targets import Targets

CLASSES = ("cat", "dog", "cup")


class TinyDetector(Detector):
    """Sees one box an image: four pooled numbers for its place, the rest for its class.

    Args:
        norm: whether its two backbone layers and the layer before its head are followed by batch norm.
        seed: of the weights and running statistics.
    """

    def __init__(self, norm: bool = True, seed: int = 0) -> None:
        super().__init__(CLASSES, stride=4)
        draw = torch.Generator().manual_seed(seed)
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, 3, s, 1) for i, o, s in ((3, 4, 2), (4, 6, 2), (6, 5, 1)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) if norm else nn.Identity() for c in (4, 6, 5))
        self.head = nn.Conv2d(5, 4 + len(CLASSES), 1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.3)
            for layer in self.norm_layers():
                layer.running_mean.normal_(generator=draw)
                layer.running_var.uniform_(0.5, 2, generator=draw)
        self.freeze()

    def forward(self, images: Tensor) -> Outputs:
        features = images
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features = norm(convolution(features)).tanh()
        return Outputs((self.head(features),), (features,), (4,), tuple(images.shape[-2:]))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        seen = outputs.heads[0].mean(dim=(2, 3))[targets.image_index]
        wanted = targets.boxes.to(seen)
        if not len(targets):
            return {"box": seen.sum(), "class": seen.sum()}
        return {
            "box": (seen[:, :4] - wanted).square().mean(),
            "class": F.cross_entropy(seen[:, 4:], targets.labels),
        }

    def decode(self, outputs: Outputs) -> DensePredictions:
        raise NotImplementedError

    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        raise NotImplementedError

    def norm_layers(self) -> list[nn.Module]:
        return [layer for layer in self.norms if isinstance(layer, nn.BatchNorm2d)]

    @property
    def backbone_norm_layers(self) -> int:
        return min(2, len(self.norm_layers()))


def tiny_step(
    images: Tensor,
    targets: Targets | None = None,
    detector: TinyDetector | None = None,
    progress: float = 0.0,
    pixels: Tensor | None = None,
) -> SynthesisState:
    """What the losses see once a tiny detector has looked at ``images``, augmented ``pixels``; None: the same."""
    detector = detector or TinyDetector().to(images.dtype)
    statistics = BatchNormRecorder(detector.norm_layers())
    with statistics.recording():
        outputs = detector(images)
    targets = targets or one_box_each(len(images))
    return SynthesisState(
        images if pixels is None else pixels, images, targets, outputs, detector, statistics, progress
    )


def prepared(loss: Loss, step: SynthesisState) -> Loss:
    """The loss at the beginning of a stage with the detector of ``step``."""
    assert loss.prepare(step.detector, step.images.shape[-1])
    return loss


def one_box_each(count: int) -> Targets:
    """A box in every image, each elsewhere and of the next class."""
    place = torch.arange(count)[:, None] / (4 * count)
    boxes = torch.cat([0.1 + place, 0.2 + place, 0.5 + place, 0.7 + place], dim=1)
    return Targets(boxes, torch.arange(count) % len(CLASSES), torch.arange(count), count)


def no_boxes(count: int = 2) -> Targets:
    """A batch of images that are to show nothing."""
    return Targets.from_images([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))] * count)
