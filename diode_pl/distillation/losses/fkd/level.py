"""One feature map of the student beside the teacher's of the same stride."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.distillation.losses.fkd.adapters import MapAdapter, resized
from diode_pl.distillation.losses.fkd.attention import attention_mask, channel_attention, spatial_attention
from diode_pl.distillation.losses.fkd.method import Method
from diode_pl.distillation.losses.fkd.non_local import NonLocal, pool_for
from diode_pl.distillation.losses.fkd.norm import norm


class Level(nn.Module):
    """The parts of the loss on one level, and the layers that learn along; only those that a part needs.

    Args:
        method: what is computed, and how.
        student: channels, rows and columns of the student's map at the resolution of training.
        teacher: likewise of the teacher's.
        finest: whether no level of the loss has a smaller stride; its non-local blocks are narrower.
    """

    def __init__(self, method: Method, student: Sequence[int], teacher: Sequence[int], finest: bool) -> None:
        super().__init__()
        self.method = method
        own, other = student[0], teacher[0]
        if method.beta:
            self.features = MapAdapter(own, other)
        if method.alpha:
            self.channels, self.places = nn.Linear(own, other), MapAdapter(1, 1, side=3)
        if method.gamma:
            self.student_relations, self.teacher_relations = (
                NonLocal(c, max(c // 4, 16) if finest else max(c // 2, 1), pool_for(h, w), method.non_local)
                for c, h, w in (student, teacher)
            )
            self.relations = MapAdapter(own, other)

    def forward(
        self,
        student: Float[Tensor, "n own a b"],
        teacher: Float[Tensor, "n other h w"],
        boxes: Float[Tensor, "n h w"] | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        """Raw parts by name.

        Args:
            student: its map, with gradient.
            teacher: its map, without.
            boxes: 1 where the spatial mask counts, 0 elsewhere; None counts everywhere.
        """
        parts = {}
        if self.method.beta:
            parts["attention_masked"] = self._masked(student, teacher, boxes)
        if self.method.alpha:
            absolute = self.method.attention == "absolute"
            channels = channel_attention(teacher, absolute) - self.channels(channel_attention(student, absolute))
            own, other = (spatial_attention(maps, absolute)[:, None] for maps in (student, teacher))
            parts["attention_transfer_channel"] = norm(channels, self.method.reduction)
            parts["attention_transfer_spatial"] = norm(other - self.places.fit(own, other), self.method.reduction)
        if self.method.gamma:
            own = self.relations.fit(self.student_relations(student), teacher)
            parts["non_local"] = norm(self.teacher_relations(teacher) - own, self.method.reduction)
        return parts

    def _masked(self, student: Tensor, teacher: Tensor, boxes: Tensor | None) -> Float[Tensor, ""]:
        temperature, form, chosen = self.method.temperature, self.method.masks, self.method.channel_mask
        adapted = self.features.fit(student, teacher)
        looked = resized(spatial_attention(student)[:, None], teacher)[:, 0]
        mask = attention_mask(looked, spatial_attention(teacher), temperature, form)[:, None]
        if boxes is not None:
            mask = mask * boxes[:, None]
        if chosen != "none":
            whose = {"adapted": adapted, "raw": student}.get(chosen)
            own = None if whose is None else channel_attention(whose)
            mask = mask * attention_mask(own, channel_attention(teacher), temperature, form)[:, :, None, None]
        return norm((teacher - adapted) * mask.sqrt(), self.method.reduction)
