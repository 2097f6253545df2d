"""Anchors for the boxes of a data set."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.darknet.cfg import Section


def fit_anchors(sizes: Float[Tensor, "n 2"], count: int, iterations: int = 300) -> Float[Tensor, "k 2"]:
    """Clusters box sizes by k-means with the distance 1 - IoU of boxes with one center.

    Args:
        sizes: width and height of each box, in pixels of the network's input.
        count: number of anchors.
        iterations: at most this many.

    Returns:
        ``count`` widths and heights to two decimals, by increasing area; the same for the same sizes in any order.

    Raises:
        ValueError: if fewer than ``count`` different sizes are given.

    Source: Redmon and Farhadi, YOLO9000: Better, Faster, Stronger, CVPR 2017, section 2 (dimension clusters).

    Example:
        >>> fit_anchors(torch.tensor([[10.0, 12.0], [12.0, 10.0], [40.0, 44.0], [44.0, 40.0]]), 2).tolist()
        [[11.0, 11.0], [42.0, 42.0]]
    """
    distinct = sizes[(sizes > 0).all(dim=1)].double().unique(dim=0)
    if len(distinct) < count:
        raise ValueError(f"anchors: cannot fit {count} to {len(distinct)} different box sizes; None keeps those it has")
    sizes = sizes[(sizes > 0).all(dim=1)].double()
    by_area = distinct[distinct.prod(dim=1).argsort(stable=True)]
    centers = by_area[torch.linspace(0, len(by_area) - 1, count).round().long()]
    for _ in range(iterations):
        nearest = _shape_iou(sizes, centers).argmax(dim=1)
        moved = [sizes[nearest == i].mean(dim=0) if bool((nearest == i).any()) else centers[i] for i in range(count)]
        if torch.equal(torch.stack(moved), centers):
            break
        centers = torch.stack(moved)
    return centers[centers.prod(dim=1).argsort(stable=True)].float().round(decimals=2)


def replace_anchors(sections: Sequence[Section], anchors: Float[Tensor, "k 2"]) -> list[Section]:
    """Returns the same network with other anchors, in the order of the old ones: by increasing area."""
    text = ",".join(f"{side:.2f}" for side in anchors.flatten().tolist())
    return [
        replace(section, options={**section.options, "anchors": text}) if section.kind == "yolo" else section
        for section in sections
    ]


def to_image_units(heads: Sequence[Float[Tensor, "_ 2"]], net: Section, resolution: int | None) -> Float[Tensor, "k 2"]:
    """Converts anchors from pixels to units of image width and height.

    Args:
        heads: anchors of each head; those that heads share are returned once.
        net: the network's ``[net]``, whose width and height are the resolution that published anchors were fit at.
        resolution: height and width that the weights were trained at, if known: it counts instead.
    """
    sides = [resolution or net.int_of(key, at_least=1) for key in ("width", "height")]
    distinct = torch.cat(list(heads)).unique(dim=0)
    return distinct / distinct.new_tensor(sides)


def _shape_iou(sizes: Float[Tensor, "n 2"], others: Float[Tensor, "k 2"]) -> Float[Tensor, "n k"]:
    overlap = torch.minimum(sizes[:, None], others).prod(dim=2)
    return overlap / (sizes.prod(dim=1)[:, None] + others.prod(dim=1) - overlap)
