"""Detectors of one layer a level, feature maps given by hand, and batches of both."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diode_pl.detector import DensePredictions, Detections, Detector, Outputs
from diode_pl.distillation.losses import FKD, DistillationBatch
from diode_pl.distillation.losses.fkd import Method
from diode_pl.targets import Targets
from tests.tiny import no_boxes

SIDE = 32
CASES: dict[str, Any] = {
    case["name"]: case for case in json.loads(Path(__file__).with_name("cases.json").read_text())["cases"]
}


class Mapper(Detector):
    """Features and nothing else: one strided convolution a level.

    Args:
        levels: channels by stride in pixels, in the order of the heads.
    """

    def __init__(self, levels: Sequence[tuple[int, int]]) -> None:
        super().__init__(("cat",), stride=max(stride for stride, _ in levels))
        self.strides = tuple(stride for stride, _ in levels)
        self.layers = nn.ModuleList(nn.Conv2d(3, channels, stride, stride) for stride, channels in levels)

    def forward(self, images: Tensor) -> Outputs:
        features = tuple(layer(images) for layer in self.layers)
        return Outputs(features, features, self.strides, tuple(images.shape[2:]))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        raise NotImplementedError

    def decode(self, outputs: Outputs) -> DensePredictions:
        raise NotImplementedError

    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        raise NotImplementedError

    def norm_layers(self) -> list[nn.Module]:
        return []

    @property
    def backbone_norm_layers(self) -> int:
        return 0


def fkd(
    weight: float = 1.0,
    balance: float | None = None,
    strides: Sequence[int] | None = None,
    mask_boxes: bool = False,
    **method: Any,
) -> FKD:
    """The loss, from the arguments of its method too."""
    return FKD(weight, Method(**method), balance, strides, mask_boxes)


def tensor(nested: Any, dtype: torch.dtype = torch.float64) -> Tensor:
    """Nested lists of a case as a tensor."""
    return torch.tensor(nested, dtype=dtype)


def maps(*shapes: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Random features, a tensor a level."""
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype) for shape in shapes]


def mappers(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> tuple[Mapper, Mapper]:
    """Two detectors whose features have so many channels, at strides 4, 8, 16 and so on."""
    strides = [4 * 2**i for i in range(len(student))]
    built = [Mapper([(s, m.shape[1]) for s, m in zip(strides, given, strict=True)]) for given in (student, teacher)]
    return built[0].to(student[0].dtype), built[1].to(student[0].dtype)


def prepared(loss: FKD, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> FKD:
    """A loss that is ready for such features."""
    of_student, of_teacher = mappers(student, teacher)
    loss.prepare(of_teacher, of_student, SIDE)
    return loss


def make_batch(
    student: Sequence[Tensor], teacher: Sequence[Tensor], targets: Targets | None = None
) -> DistillationBatch:
    """What a loss sees of given features."""
    said, taught = (
        Outputs((), tuple(given), tuple(4 * 2**i for i in range(len(given))), (SIDE, SIDE))
        for given in (student, teacher)
    )
    count = len(student[0])
    images = torch.zeros(count, 3, SIDE, SIDE)
    return DistillationBatch(images, *mappers(student, teacher), said, taught, targets or no_boxes(count))


def seen(student: Detector, teacher: Detector, images: Tensor) -> DistillationBatch:
    """What a loss sees of two detectors that look at images without labels."""
    return DistillationBatch(images, student, teacher, student(images), teacher(images), no_boxes(len(images)))


@torch.no_grad()
def identity(loss: FKD) -> FKD:
    """The loss with adapters that change nothing; both sides need as many channels."""
    for level in loss.levels.values():
        for name in ("features", "relations", "channels"):
            if hasattr(level, name):
                layer = getattr(level, name)
                layer.weight.copy_(torch.eye(len(layer.weight)).view_as(layer.weight))
                layer.bias.zero_()
        if hasattr(level, "places"):
            level.places.weight.copy_(torch.eye(3)[1].outer(torch.eye(3)[1])[None, None])
            level.places.bias.zero_()
    return loss
