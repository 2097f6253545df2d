"""Layers that bring what the student has to the shape of what the teacher has; they learn along with the student."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class MapAdapter(nn.Conv2d):
    """A convolution that keeps the size of a map, which is then resized to the teacher's where the two differ.

    Args:
        student: channels of the student's map.
        teacher: channels of the teacher's.
        side: of the kernel in cells, odd.
    """

    def __init__(self, student: int, teacher: int, side: int = 1) -> None:
        super().__init__(student, teacher, side, padding=side // 2)

    def fit(self, maps: Float[Tensor, "n c h w"], like: Tensor) -> Float[Tensor, "n d y x"]:
        """The map in the teacher's channels and size.

        Args:
            like: the last two dimensions are the teacher's rows and columns.
        """
        return resized(self(maps), like)


def resized(maps: Float[Tensor, "n c h w"], like: Tensor) -> Float[Tensor, "n c y x"]:
    """Maps in the rows and columns of another, bilinear; as they are where these are the same."""
    size = like.shape[-2:]
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
