"""Distances between the crops of two boxes, in pixels and in a classifier's layers (KD_loc)."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from diode_pl.numerics.roi_crop import crop_boxes

Features = Callable[[Tensor], list[Tensor]]


def pooled_distance(
    found: Float[Tensor, "k c h w"], wanted: Float[Tensor, "k c p q"], size: int
) -> Float[Tensor, " k"]:
    """Mean absolute difference of each pair of maps, both average-pooled to ``size x size``."""
    pooled = F.adaptive_avg_pool2d(found, size) - F.adaptive_avg_pool2d(wanted, size)
    return pooled.abs().mean(dim=(1, 2, 3))


def crop_distances(
    images: Float[Tensor, "n 3 h w"],
    found: Float[Tensor, "k 4"],
    wanted: Float[Tensor, "k 4"],
    image_index: Int[Tensor, " k"],
    features: Features,
    crop_size: int,
    image_pool: int,
    feature_pool: int,
    chunk: int = 256,
) -> Float[Tensor, "2"]:
    """Sums of the distances between the crops of predicted and labeled boxes, differentiable in ``found`` only.

    Args:
        images: input of the student.
        found: predicted boxes: x1, y1, x2, y2 in units of image width and height.
        wanted: labeled boxes, likewise.
        image_index: index of each pair's image.
        features: maps crops to the feature maps of a frozen network.
        crop_size: height and width of the crops in pixels.
        image_pool: crops are pooled to a grid of this side before pixels are compared.
        feature_pool: likewise the feature maps of all layers.
        chunk: maximum number of pairs in memory at a time; the backward pass computes them again.

    Returns:
        The distance of the pixels, and that of the feature maps: the mean over layers, 0 without layers.

    Source: Guo et al., NeurIPS 2021, eq. 10 and 11.
    """

    def distances(found: Tensor, wanted: Tensor, image_index: Tensor) -> Tensor:
        seen = crop_boxes(images, found, image_index, crop_size)
        with torch.no_grad():
            shown = crop_boxes(images, wanted, image_index, crop_size)
            maps = features(shown)
        of_layers = [pooled_distance(a, b, feature_pool) for a, b in zip(features(seen), maps, strict=True)]
        of_maps = torch.stack(of_layers).mean(dim=0) if of_layers else torch.zeros_like(found[:, 0])
        return torch.stack([pooled_distance(seen, shown, image_pool).sum(), of_maps.sum()])

    if not len(found):
        return found.sum() + found.new_zeros(2)
    parts = list(zip(found.split(chunk), wanted.split(chunk), image_index.split(chunk), strict=True))
    if len(parts) == 1:
        return distances(*parts[0])
    sums = [checkpoint(distances, *part, use_reentrant=False, preserve_rng_state=False) for part in parts]
    return torch.stack(sums).sum(dim=0)
