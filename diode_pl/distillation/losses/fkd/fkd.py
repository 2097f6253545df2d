"""The term that compares the student's features with the teacher's."""

import logging
from collections import Counter
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
    """Distances between the features that enter the heads, summed over the levels that both detectors have.

    Attention transfer compares mean features over places and over channels; the masked part compares features, most
    where both detectors look; the non-local part compares how places relate. Features are matched by stride and may
    differ in channels and size: adapters lead from the student's to the teacher's. Adapters and non-local blocks, the
    teacher's too, learn along with the student and are part of neither detector. No labels are needed, and the layers
    behind the features learn nothing here: the student's heads need another term beside it.

    Each part is one square root over the batch, as published: twice the images make it √2 times as large. With several
    processes each takes its own part of the batch; ``reduction=per_image`` depends on neither.

    Args:
        weight: factor of the term.
        method: factors and choices of the parts.
        balance: size that each part is given instead of the factors of ``method``: its factor follows from its mean
            over the first 100 steps. A share of what the other terms show in the log; None keeps the factors.
        strides: only levels of these strides, in pixels; None takes all that both have.
        mask_boxes: whether the spatial mask is 0 outside the labeled boxes.

    Raises:
        ValueError: a value is out of range.

    Source: Zhang and Ma, ICLR 2021, eq. 1 to 7, and the code released with it.
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
        # Known from prepare() on.
        self.levels = nn.ModuleDict()
        self.pairs: list[LevelPair] = []

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
            finest = pair.stride == self.pairs[0].stride
            self.levels[pair.name] = Level(self.method, *shapes, finest)
        self.to(at_least_float32(of_student.features[0]))

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        _, taught = lesson.teacher_or_raise()
        if not self.pairs:
            raise RuntimeError("FKD: prepare(teacher, student, resolution) must come before the first step")
        # Sums of squares over whole maps overflow in half precision.
        with torch.autocast(taught.features[0].device.type, enabled=False):
            levels = [
                self.levels[pair.name](
                    at_least_float32(lesson.student_outputs.features[pair.student]),
                    teacher := at_least_float32(taught.features[pair.teacher].detach()),
                    box_mask(lesson.targets, *teacher.shape[2:]).to(teacher) if self.mask_boxes else None,
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
    """Two feature maps of one stride: name of the level, stride in pixels, positions among each side's features."""

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
        ValueError: they share no stride, or one of ``strides`` is not shared.
    """
    of_student, of_teacher = _positions(student), _positions(teacher)
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


def _positions(strides: Sequence[int]) -> dict[tuple[int, int], int]:
    """Position of the i-th feature map of each stride, by (stride, i)."""
    seen = Counter[int]()
    positions = {}
    for position, stride in enumerate(strides):
        positions[stride, seen[stride]] = position
        seen[stride] += 1
    return positions
