"""Feature-based knowledge distillation (FKD)."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import probe
from diode_pl.distillation.losses.fkd.normalizer import PartNormalizer
from diode_pl.distillation.losses.fkd.parts import Level, Method, box_mask
from diode_pl.numerics.dtypes import at_least_float32

log = logging.getLogger(__name__)


class FKD(DistillLoss):
    """Distances between the input features of the heads, summed over the strides that both detectors have.

    Attention transfer compares mean features over positions and over channels; the masked part compares features,
    weighted by the attention of both; the non-local part compares the relations between positions. Trainable adapters
    map the student's channels and size to the teacher's. Adapters and non-local blocks, also the teacher's, belong to
    neither detector. The student's heads get no gradient and need another loss.

    Each part is one square root over a process's batch, as published: twice the images make it √2 times as large;
    ``reduction=per_image`` depends neither on the batch size nor on the number of processes.

    Args:
        weight: factor of the loss in the sum.
        method: factors and choices of the parts.
        balance: desired size of each part instead of the factors of ``method``: factors follow from the mean of each
            part over the first 100 steps. A fraction of the other losses in the log; None keeps the factors.
        strides: only levels of these strides, in pixels; None takes all that both have.
        mask_boxes: whether the spatial mask is 0 outside the labeled boxes.

    Raises:
        ValueError: a value is out of range.

    Source: Zhang and Ma, ICLR 2021, eq. 1 to 7, and the code released with it.

    Example:
        >>> from diode_pl import load_detector
        >>> detector, loss = load_detector(width=0.1), FKD(weight=0.5)
        >>> loss.prepare(detector, detector, resolution=64)
        >>> list(loss.levels)
        ['stride_8', 'stride_16', 'stride_32']
    """

    complete = False

    def __init__(
        self,
        weight: float = 1.0,
        method: Method = Method(),  # noqa: B008
        balance: float | None = None,
        strides: Sequence[int] | None = None,
        mask_boxes: bool = False,
    ) -> None:
        super().__init__(weight)
        self.method = method
        self.balance = None if balance is None else PartNormalizer(balance, len(self.method.factors))
        self.strides, self.mask_boxes = strides, mask_boxes
        self.needs_labels = mask_boxes
        self.levels, self.pairs = nn.ModuleDict(), list[LevelPair]()  # filled by prepare()

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        of_student, of_teacher = probe(student, resolution), probe(teacher, resolution)
        self.pairs = match_levels(of_student.strides, of_teacher.strides, self.strides)
        self.levels = nn.ModuleDict()
        for pair in self.pairs:
            shapes = of_student.features[pair.student].shape[1:], of_teacher.features[pair.teacher].shape[1:]
            if self.method.channel_mask == "raw" and self.method.beta and shapes[0][0] != shapes[1][0]:
                raise ValueError(
                    f"FKD: channel_mask=raw needs as many channels on both sides, but at stride {pair.stride} the "
                    f"student has {shapes[0][0]} and the teacher {shapes[1][0]}; take adapted, teacher or none"
                )
            self.levels[pair.name] = Level(self.method, *shapes, finest=pair.stride == self.pairs[0].stride)
        self.to(at_least_float32(of_student.features[0]))

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        _, teacher_outputs = batch.teacher_or_raise()
        if not self.pairs:
            raise RuntimeError("FKD: prepare(teacher, student, resolution) must come before the first step")
        # Sums of squares over whole maps overflow in half precision.
        with torch.autocast(teacher_outputs.features[0].device.type, enabled=False):
            levels = [
                self.levels[pair.name](
                    at_least_float32(batch.student_outputs.features[pair.student]),
                    teacher := at_least_float32(teacher_outputs.features[pair.teacher].detach()),
                    box_mask(batch.targets, *teacher.shape[2:]).to(teacher) if self.mask_boxes else None,
                )
                for pair in self.pairs
            ]
            parts = {name: torch.stack([level[name] for level in levels]).sum() for name in self.method.factors}
            self.parts = {name: part.detach() for name, part in parts.items()}
            factors = [*self.method.factors.values()]
            if self.balance is not None:
                factors = self.balance(torch.stack([*self.parts.values()])).unbind()
            return torch.stack([f * part for f, part in zip(factors, parts.values(), strict=True)]).sum()


class LevelPair(NamedTuple):
    """Two feature maps of one stride: name of the level, stride in pixels, index among each side's features."""

    name: str
    stride: int
    student: int
    teacher: int


def match_levels(
    student: Sequence[int], teacher: Sequence[int], strides: Sequence[int] | None = None
) -> list[LevelPair]:
    """Pairs feature maps of the same stride, finest first; warns about those left over.

    Args:
        student: stride of each of its features, in pixels; several of one stride are paired in their order.
        teacher: likewise.
        strides: only these; None takes all that both have.

    Raises:
        ValueError: if no stride is shared, or one of ``strides`` is not.
    """
    of_student, of_teacher = _index_strides(student), _index_strides(teacher)
    shared = sorted(of_student.keys() & of_teacher.keys())
    if not shared:
        raise ValueError(
            f"student and losses: FKD compares features of the same stride, but the student's strides are "
            f"{list(student)} and the teacher's {list(teacher)}; take a student with a stride of the teacher's, or "
            "Decoded, which needs none"
        )
    known = {stride for stride, _ in shared}
    if strides is not None:
        if not strides or not set(strides) <= known:
            raise ValueError(f"FKD: strides must be some of {sorted(known)}, which both have, got {list(strides)}")
        shared = [key for key in shared if key[0] in strides]
    for who, alone in (("student", of_student.keys() - of_teacher), ("teacher", of_teacher.keys() - of_student)):
        if alone and strides is None:
            left = ", ".join(str(stride) for stride, _ in sorted(alone))
            log.warning("FKD: features of stride %s are left out, only the %s has them", left, who)
    return [
        LevelPair(f"stride_{stride}" + (f"_{i}" if i else ""), stride, of_student[stride, i], of_teacher[stride, i])
        for stride, i in shared
    ]


def _index_strides(strides: Sequence[int]) -> dict[tuple[int, int], int]:
    """Returns the index of the i-th feature map of each stride, by (stride, i)."""
    return {(stride, strides[:index].count(stride)): index for index, stride in enumerate(strides)}
