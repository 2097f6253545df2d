"""Overlap of boxes pair by pair, on any matching shapes; ``torchvision.ops`` compares each box with every other."""

import torch
from jaxtyping import Float
from torch import Tensor


def iou(a: Float[Tensor, "*#b 4"], b: Float[Tensor, "*#b 4"]) -> Float[Tensor, "*b"]:
    """Intersection over union of boxes given as x1, y1, x2, y2; in [0, 1]."""
    inner, union = _inner_and_union(a, b)
    return inner / union.clamp(min=torch.finfo(a.dtype).tiny)


def giou(a: Float[Tensor, "*#b 4"], b: Float[Tensor, "*#b 4"]) -> Float[Tensor, "*b"]:
    """Generalized intersection over union of boxes given as x1, y1, x2, y2; in [-1, 1].

    Not torchvision's ``generalized_box_iou_loss``: it picks the pairs that overlap by a mask, which triggers a device
    sync, and adds 1e-7 to each area, which is 0.1 % of a box of 1 % of the width and height of an image.

    Source: Rezatofighi et al., CVPR 2019, algorithm 1.
    """
    inner, union = _inner_and_union(a, b)
    outer = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(dim=-1)
    tiny = torch.finfo(a.dtype).tiny
    return inner / union.clamp(min=tiny) - (outer - union) / outer.clamp(min=tiny)


def iom(a: Float[Tensor, "*#b 4"], b: Float[Tensor, "*#b 4"]) -> Float[Tensor, "*b"]:
    """Intersection over minimum, the area of the smaller of two boxes given as x1, y1, x2, y2; in [0, 1]."""
    inner, area_a, area_b = _inner_and_areas(a, b)
    return inner / torch.minimum(area_a, area_b).clamp(min=torch.finfo(a.dtype).tiny)


def size_iou(a: Float[Tensor, "*#b 2"], b: Float[Tensor, "*#b 2"]) -> Float[Tensor, "*b"]:
    """Intersection over union of boxes given as width and height, laid center on center."""
    inner = torch.minimum(a, b).clamp(min=0).prod(dim=-1)
    return inner / (a.prod(dim=-1) + b.prod(dim=-1) - inner)


def _inner_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    inner, area_a, area_b = _inner_and_areas(a, b)
    return inner, area_a + area_b - inner


def _inner_and_areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(dim=-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).prod(dim=-1) for box in (a, b))
    return inner, area_a, area_b
