"""Crops that are differentiable in the box (a spatial transformer); boxes in units of image width and height.

Written by hand: torchvision's ``roi_align`` has no gradient to the boxes; kornia's crops have one, at the price of a
dependency.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


def clamp_outward(boxes: Float[Tensor, "k 4"]) -> Float[Tensor, "k 4"]:
    """Clamps each side beyond the image to its edge, without gradient; a box wholly outside becomes inverted."""
    return torch.cat([boxes[:, :2].clamp(min=0), boxes[:, 2:].clamp(max=1)], dim=1)


def visible(boxes: Float[Tensor, "k 4"], image_size: tuple[int, int]) -> Bool[Tensor, " k"]:
    """Mask of boxes with at least one pixel inside the image in width and height; NaN counts as none.

    Args:
        image_size: height and width in pixels.
    """
    x1, y1, x2, y2 = clamp_outward(boxes.detach()).unbind(dim=1)
    return ((x2 - x1) * image_size[1] >= 1) & ((y2 - y1) * image_size[0] >= 1)


def affine_matrices(boxes: Float[Tensor, "k 4"]) -> Float[Tensor, "k 2 3"]:
    """Affine maps from the coordinates of a crop to those of the image, both in [-1, 1].

    Source: Guo et al., NeurIPS 2021, eq. 9.
    """
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    zero = torch.zeros_like(x1)
    rows = (torch.stack([x2 - x1, zero, x1 + x2 - 1], dim=1), torch.stack([zero, y2 - y1, y1 + y2 - 1], dim=1))
    return torch.stack(rows, dim=1)


def sampling_grid(matrices: Float[Tensor, "k 2 3"], size: int) -> Float[Tensor, "k s s 2"]:
    """Position in the image of each pixel of a crop (``align_corners=False``), given :func:`affine_matrices`."""
    # By hand: the library's is a matrix product, which a GPU may do in TF32.
    steps = (2 * torch.arange(size, device=matrices.device, dtype=matrices.dtype) + 1) / size - 1
    x = matrices[:, 0, 0, None] * steps + matrices[:, 0, 2, None]
    y = matrices[:, 1, 1, None] * steps + matrices[:, 1, 2, None]
    return torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], dim=3)


def crop_boxes(
    images: Float[Tensor, "n 3 h w"], boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"], size: int
) -> Float[Tensor, "k 3 s s"]:
    """Crops boxes at one size, bilinear, black outside the image, differentiable in the boxes only.

    Triggers a device sync.

    Args:
        boxes: x1, y1, x2, y2, clamped as in :func:`clamp_outward`.
        image_index: index of each box's image.
        size: side of the crops in pixels.
    """
    images = images.detach()
    order = image_index.argsort(stable=True)
    counts = torch.bincount(image_index, minlength=len(images)).tolist()
    grids = sampling_grid(affine_matrices(clamp_outward(boxes[order])), size)
    cut = [images.new_zeros(0, 3, size, size)]
    # All crops of an image in one tall grid: a copy of the image for each of them would fill the memory.
    for image, grid in zip(images, grids.split(counts), strict=True):
        if len(grid):
            tall = F.grid_sample(image[None], grid.reshape(1, -1, size, 2), "bilinear", "zeros", align_corners=False)
            cut.append(tall[0].unflatten(1, (-1, size)).transpose(0, 1))
    return torch.cat(cut)[order.argsort()]
