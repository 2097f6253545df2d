"""The parts of FKD on one pair of feature maps: attention, masks, adapters, distances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.distillation.losses.fkd.non_local import KINDS, NonLocal, pool_size
from diode_pl.targets import Targets

_CHOICES = {
    "masks": ("paper_code", "paper"),
    "attention": ("signed", "absolute"),
    "channel_mask": ("adapted", "raw", "teacher", "none"),
    "non_local": KINDS,
    "reduction": ("batch", "per_image"),
}


@dataclass(frozen=True)
class Method:
    """Factors and choices of FKD; by default those of the authors' code for one-stage detectors.

    Args:
        alpha: factor of attention transfer, both per channel and per position; 0 disables it.
        beta: factor of the attention-masked features; 0 disables them.
        gamma: factor of the non-local relations; 0 disables them.
        temperature: of the masks, > 0; the smaller, the sharper.
        masks: ``paper``: softmax of the sum of both attentions; ``paper_code``: mean of two softmaxes.
        attention: what attention transfer averages, ``signed`` or ``absolute`` values. Masks always take absolute ones.
        channel_mask: channels that the mask uses besides the teacher's: the student's ``adapted`` or ``raw`` ones
            (``raw`` needs equal channel counts); ``teacher``: the teacher's alone; ``none``: channels are not masked.
        non_local: ``dot_product``, ``embedded_gaussian``, ``gaussian`` or ``concatenation``.
        reduction: ``batch`` as published, or ``per_image``, see :func:`norm`.

    Raises:
        ValueError: a value is out of range, or all three factors are 0.

    Source: Zhang and Ma, ICLR 2021, and the code released with it.

    Example:
        >>> list(Method(beta=0.0, gamma=0.0).factors)
        ['attention_transfer_channel', 'attention_transfer_spatial']
    """

    alpha: float = 2.4e-2
    beta: float = 4.2e-4
    gamma: float = 4.2e-4
    temperature: float = 0.1
    masks: str = "paper_code"
    attention: str = "signed"
    channel_mask: str = "adapted"
    non_local: str = "dot_product"
    reduction: str = "batch"

    def __post_init__(self) -> None:
        factors = {key: getattr(self, key) for key in ("alpha", "beta", "gamma")}
        for key, value in factors.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"FKD: {key} must be finite and >= 0, got {value}")
        if not any(factors.values()):
            raise ValueError("FKD: alpha, beta and gamma must not all be 0; leave the loss out instead")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"FKD: temperature must be finite and > 0, got {self.temperature}")
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"FKD: {key} must be one of {', '.join(choices)}, got {getattr(self, key)!r}")

    @property
    def factors(self) -> dict[str, float]:
        """Factor of each part that is computed, by name."""
        named = {
            "attention_masked": self.beta,
            "attention_transfer_channel": self.alpha,
            "attention_transfer_spatial": self.alpha,
            "non_local": self.gamma,
        }
        return {name: factor for name, factor in named.items() if factor > 0}


def norm(differences: Float[Tensor, "n ..."], reduction: str = "batch") -> Float[Tensor, ""]:
    """Euclidean norm of all images as one vector (``batch``) or mean norm of an image (``per_image``)."""
    if reduction == "batch":
        return torch.linalg.vector_norm(differences)
    return torch.linalg.vector_norm(differences.flatten(1), dim=1).mean()


def spatial_attention(features: Float[Tensor, "n c h w"], absolute: bool = True) -> Float[Tensor, "n h w"]:
    """Mean over the channels, of absolute or signed values."""
    return (features.abs() if absolute else features).mean(dim=1)


def channel_attention(features: Float[Tensor, "n c h w"], absolute: bool = True) -> Float[Tensor, "n c"]:
    """Mean over all positions, of absolute or signed values."""
    return (features.abs() if absolute else features).mean(dim=(2, 3))


@torch.no_grad()
def attention_mask(
    student: Float[Tensor, "n ..."] | None, teacher: Float[Tensor, "n ..."], temperature: float, form: str
) -> Float[Tensor, "n ..."]:
    """Weights of each image's positions or channels, with mean 1 and without gradient.

    Args:
        student: its attention; None uses the teacher's alone.
        teacher: its attention.
        temperature: see :class:`Method`.
        form: ``masks`` of :class:`Method`.

    Source: Zhang and Ma, ICLR 2021, section 3.1, and the code released with it.
    """
    of_teacher = teacher.flatten(1) / temperature
    of_student = of_teacher if student is None else student.flatten(1) / temperature
    if form == "paper":
        mask = F.softmax(of_teacher if student is None else of_student + of_teacher, dim=1)
    else:
        mask = (F.softmax(of_student, dim=1) + F.softmax(of_teacher, dim=1)) / 2
    return (mask.shape[1] * mask).view_as(teacher)


def box_mask(targets: Targets, height: int, width: int) -> Float[Tensor, "n {height} {width}"]:
    """1 in each cell that a box of the image overlaps, else 0."""
    boxes = targets.boxes * targets.boxes.new_tensor([width, height, width, height])
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    columns, rows = (torch.arange(size, device=boxes.device) for size in (width, height))
    across = (x1[:, None] < columns + 1) & (x2[:, None] > columns)
    down = (y1[:, None] < rows + 1) & (y2[:, None] > rows)
    inside = (down[:, :, None] & across[:, None, :] & targets.valid[:, None, None]).float()
    counts = boxes.new_zeros(targets.batch_size, height, width).index_add(0, targets.image_index, inside.to(boxes))
    return counts.clamp(max=1)


def resize_like(maps: Float[Tensor, "n c h w"], like: Tensor) -> Float[Tensor, "n c y x"]:
    """Resizes bilinearly to height and width of ``like``."""
    size = like.shape[-2:]
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


class MapAdapter(nn.Conv2d):
    """Convolution from the student's channels to the teacher's with a kernel of odd ``side``."""

    def __init__(self, student: int, teacher: int, side: int = 1) -> None:
        super().__init__(student, teacher, side, padding=side // 2)

    def adapt(self, maps: Float[Tensor, "n c h w"], like: Tensor) -> Float[Tensor, "n d y x"]:
        """Converts a map to the teacher's channels, and to height and width of ``like``."""
        return resize_like(self(maps), like)


class Level(nn.Module):
    """The parts of the loss on one level, and their trainable layers.

    Args:
        method: factors and choices of the parts.
        student, teacher: channels, rows and columns of their maps at the training resolution.
        finest: whether no level of the loss has a smaller stride; its non-local blocks are narrower.
    """

    def __init__(self, method: Method, student: Sequence[int], teacher: Sequence[int], finest: bool) -> None:
        super().__init__()
        self.method = method
        channels = student[0], teacher[0]
        if method.beta:
            self.features = MapAdapter(*channels)
        if method.alpha:
            self.channels, self.places = nn.Linear(*channels), MapAdapter(1, 1, side=3)
        if method.gamma:
            self.student_relations, self.teacher_relations = (
                NonLocal(c, max(c // 4, 16) if finest else max(c // 2, 1), pool_size(h, w), method.non_local)
                for c, h, w in (student, teacher)
            )
            self.relations = MapAdapter(*channels)

    def forward(
        self,
        student: Float[Tensor, "n s a b"],
        teacher: Float[Tensor, "n t h w"],
        boxes: Float[Tensor, "n h w"] | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        """Raw parts by name; ``boxes`` is 1 where the spatial mask counts, else 0 (None: everywhere)."""
        parts, method = {}, self.method
        if method.beta:
            parts["attention_masked"] = self._masked(student, teacher, boxes)
        if method.alpha:
            absolute = method.attention == "absolute"
            channels = channel_attention(teacher, absolute) - self.channels(channel_attention(student, absolute))
            seen, wanted = (spatial_attention(maps, absolute)[:, None] for maps in (student, teacher))
            parts["attention_transfer_channel"] = norm(channels, method.reduction)
            parts["attention_transfer_spatial"] = norm(wanted - self.places.adapt(seen, wanted), method.reduction)
        if method.gamma:
            related = self.relations.adapt(self.student_relations(student), teacher)
            parts["non_local"] = norm(self.teacher_relations(teacher) - related, method.reduction)
        return parts

    def _masked(self, student: Tensor, teacher: Tensor, boxes: Tensor | None) -> Float[Tensor, ""]:
        temperature, form, source = self.method.temperature, self.method.masks, self.method.channel_mask
        adapted = self.features.adapt(student, teacher)
        places = resize_like(spatial_attention(student)[:, None], teacher)[:, 0]
        mask = attention_mask(places, spatial_attention(teacher), temperature, form)[:, None]
        if boxes is not None:
            mask = mask * boxes[:, None]
        if source != "none":
            maps = {"adapted": adapted, "raw": student}.get(source)
            channels = None if maps is None else channel_attention(maps)
            mask = mask * attention_mask(channels, channel_attention(teacher), temperature, form)[:, :, None, None]
        return norm((teacher - adapted) * mask.sqrt(), self.method.reduction)
