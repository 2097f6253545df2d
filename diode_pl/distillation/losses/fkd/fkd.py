"""The student's features are to attend, hold and relate what the teacher's do."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import probe
from diode_pl.distillation.losses.fkd.balance import PartNormalizer
from diode_pl.distillation.losses.fkd.box_mask import box_mask
from diode_pl.distillation.losses.fkd.level import Level
from diode_pl.distillation.losses.fkd.levels import Pair, pairs
from diode_pl.distillation.losses.fkd.method import method
from diode_pl.numerics.dtypes import at_least_float32


class FKD(DistillLoss):
    """Distances between the features that enter the heads, added over the levels that both detectors have.

    Attention transfer compares mean features over places and over channels; the masked part compares features, most
    where both detectors look; the non-local part compares how places relate. Features are matched by stride and may
    differ in channels and size: adapters lead from the student's to the teacher's. Adapters and non-local blocks, the
    teacher's too, learn along with the student and are part of neither detector. No labels are needed, and the layers
    behind the features learn nothing here: the student's heads need another term beside it.

    Each part is one square root over the batch, as published: twice the images make it √2 times as large. With several
    processes each takes its own part of the batch; ``reduction=per_image`` depends on neither.

    Args:
        weight: factor of the term.
        preset: all settings at once: ``code_one_stage`` or ``code_two_stage`` as in the released code,
            ``paper_one_stage`` or ``paper_two_stage`` as printed, which differs. But in those whose channel mask is
            ``adapted``, all save ``code_two_stage``, code and paper take ``raw`` channels, which demands as many on
            both sides. The next seven change one; None keeps the preset's.
        alpha: factor of attention transfer; 0 leaves it out.
        beta: factor of the masked features; 0 leaves them out.
        gamma: factor of the non-local relations; 0 leaves them out.
        temperature: of the masks, above 0; the smaller, the sharper.
        masks: ``code`` or ``paper``.
        attention: ``signed`` or ``absolute`` means in attention transfer.
        channel_mask: made of the teacher's channels and the student's ``adapted`` or ``raw`` ones, of the ``teacher``'s
            alone, or ``none``.
        non_local: ``dot_product``, ``embedded_gaussian``, ``gaussian`` or ``concatenation``.
        reduction: ``batch`` as published; ``per_image``: a norm an image, and their mean.
        balance: size that each part is given instead of alpha, beta and gamma: its factor follows from its mean over
            the first 100 steps. A share of what the other terms show in the log; None keeps the factors.
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
        preset: str = "code_one_stage",
        alpha: float | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        temperature: float | None = None,
        masks: str | None = None,
        attention: str | None = None,
        channel_mask: str | None = None,
        non_local: str = "dot_product",
        reduction: str = "batch",
        balance: float | None = None,
        strides: Sequence[int] | None = None,
        mask_boxes: bool = False,
    ) -> None:
        super().__init__(weight)
        self.method = method(
            preset,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            temperature=temperature,
            masks=masks,
            attention=attention,
            channel_mask=channel_mask,
            non_local=non_local,
            reduction=reduction,
        )
        self.balance = None if balance is None else PartNormalizer(balance, len(self.method.factors))
        self.strides, self.mask_boxes = strides, mask_boxes
        self.needs_labels = mask_boxes
        # Known from prepare() on.
        self.levels = nn.ModuleDict()
        self.pairs: list[Pair] = []

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        own, other = probe(student, resolution), probe(teacher, resolution)
        self.pairs = pairs(own.strides, other.strides, self.strides)
        self.levels = nn.ModuleDict()
        for pair in self.pairs:
            shapes = own.features[pair.student].shape[1:], other.features[pair.teacher].shape[1:]
            if self.method.channel_mask == "raw" and self.method.beta and shapes[0][0] != shapes[1][0]:
                raise ValueError(
                    f"FKD: channel_mask=raw needs as many channels on both sides, but at stride {pair.stride} the "
                    f"student has {shapes[0][0]} and the teacher {shapes[1][0]}; take adapted, teacher or none"
                )
            finest = pair.stride == self.pairs[0].stride
            self.levels[pair.name] = Level(self.method, *shapes, finest)
        self.to(at_least_float32(own.features[0]))

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        _, taught = lesson.teacher_or_raise()
        if not self.pairs:
            raise RuntimeError("FKD: prepare(teacher, student, resolution) must come before the first step")
        # Sums of squares over whole maps overflow in half precision.
        with torch.autocast(taught.features[0].device.type, enabled=False):
            found = [
                self.levels[pair.name](
                    at_least_float32(lesson.student_outputs.features[pair.student]),
                    teacher := at_least_float32(taught.features[pair.teacher].detach()),
                    box_mask(lesson.targets, *teacher.shape[2:]).to(teacher) if self.mask_boxes else None,
                )
                for pair in self.pairs
            ]
            parts = {name: torch.stack([level[name] for level in found]).sum() for name in self.method.factors}
            self.parts = {name: part.detach() for name, part in parts.items()}
            factors = [*self.method.factors.values()]
            if self.balance is not None:
                factors = self.balance(torch.stack([*self.parts.values()])).unbind()
            return torch.stack([f * part for f, part in zip(factors, parts.values(), strict=True)]).sum()
