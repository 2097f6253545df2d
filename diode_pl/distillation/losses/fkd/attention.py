"""Where a feature map is large: attention over places and channels, and the masks made of it."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def spatial_attention(features: Float[Tensor, "n c h w"], absolute: bool = True) -> Float[Tensor, "n h w"]:
    """Mean over the channels, of absolute values or of signed ones."""
    return (features.abs() if absolute else features).mean(dim=1)


def channel_attention(features: Float[Tensor, "n c h w"], absolute: bool = True) -> Float[Tensor, "n c"]:
    """Mean over all places, of absolute values or of signed ones."""
    return (features.abs() if absolute else features).mean(dim=(2, 3))


@torch.no_grad()
def attention_mask(
    student: Float[Tensor, "n ..."] | None, teacher: Float[Tensor, "n ..."], temperature: float, form: str
) -> Float[Tensor, "n ..."]:
    """Weights of each image's places or channels that average 1; without gradient.

    Args:
        student: its attention; None looks at the teacher alone.
        teacher: its attention.
        temperature: above 0; the smaller, the sharper the mask.
        form: ``paper``: softmax of the sum of both; ``code``: mean of two softmaxes.

    Source: Zhang and Ma, ICLR 2021, section 3.1, and the code released with it.
    """
    taught = teacher.flatten(1) / temperature
    seen = taught if student is None else student.flatten(1) / temperature
    if form == "paper":
        mask = F.softmax(taught if student is None else seen + taught, dim=1)
    else:
        mask = (F.softmax(seen, dim=1) + F.softmax(taught, dim=1)) / 2
    return (mask.shape[1] * mask).view_as(teacher)
