"""Small networks, answers of theirs that are written by hand, and batches of both."""

from collections.abc import Sequence

import torch
from torch import Tensor

from diode_pl.detector import Darknet, Outputs, Section
from diode_pl.distillation.losses import DistillationBatch
from diode_pl.distillation.losses.compatibility import head_shapes
from tests.tiny import no_boxes

NAMES = ("cat", "dog", "cup")
SIZE = 32


def network(
    coarse: str = "6,6, 24,24", fine: str | None = "5,9", names: Sequence[str] = NAMES, seed: int = 0
) -> Darknet:
    """A detector of one head at stride 8 and, unless ``fine`` is None, one at stride 4, with those anchors."""

    def section(kind: str, **options: str | int) -> Section:
        return Section(kind, {key: str(value) for key, value in options.items()})

    def convolution(stride: int) -> Section:
        return section("convolutional", batch_normalize=1, filters=16, size=3, stride=stride, pad=1, activation="leaky")

    def head(anchors: str) -> list[Section]:
        count = len(anchors.split(",")) // 2
        last = section("convolutional", filters=count * (5 + len(names)), size=1, activation="linear")
        mask = ",".join(map(str, range(count)))
        return [last, section("yolo", mask=mask, anchors=anchors, classes=len(names), num=count)]

    torch.manual_seed(seed)
    sections = [section("net", width=SIZE, height=SIZE, channels=3), *(convolution(2) for _ in range(3)), *head(coarse)]
    return Darknet(sections + ([section("route", layers=1), *head(fine)] if fine else []), None, names)


def answer(detector: Darknet, count: int = 2, seed: int = 0, scale: float = 1.0) -> Outputs:
    """Random logits in the shape of the detector's heads."""
    draw = torch.Generator().manual_seed(seed)
    heads = [torch.randn(count, *shape, generator=draw) * scale for shape in head_shapes(detector, SIZE)]
    return outputs(heads)


def clear_answer(detector: Darknet, count: int = 2) -> Outputs:
    """Silent heads but for one sure object an image: the first anchor of the first head, each elsewhere."""
    heads = [torch.zeros(count, *shape) for shape in head_shapes(detector, SIZE)]
    for head in heads:
        head[..., 4:] = -20
    for image in range(count):
        heads[0][image, 0, image % 4, (3 * image + 1) % 4, 4] = 6
        heads[0][image, 0, image % 4, (3 * image + 1) % 4, 5 + image % len(NAMES)] = 6
    return outputs(heads)


def outputs(heads: Sequence[Tensor]) -> Outputs:
    """Heads as the answer of a detector."""
    return Outputs(tuple(heads), (), tuple(SIZE // head.shape[2] for head in heads), (SIZE, SIZE))


IMAGES = torch.zeros(2, 3, SIZE, SIZE)


def make_batch(
    student: Darknet, said: Outputs, teacher: Darknet | None = None, taught: Outputs | None = None
) -> DistillationBatch:
    """A batch without labels."""
    return DistillationBatch(IMAGES[: len(said.heads[0])], student, teacher, said, taught, no_boxes(len(said.heads[0])))


def learnable(said: Outputs) -> list[Tensor]:
    """The heads of an answer, from now on with gradient."""
    return [head.requires_grad_() for head in said.heads]
