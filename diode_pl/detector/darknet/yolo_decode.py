"""Decoding of YOLO heads."""

import torch
from torch import Tensor

from diode_pl.detector.base import DensePredictions, MatchedPredictions
from diode_pl.detector.darknet.yolo_assigner import anchors_in_cells, assign_targets
from diode_pl.detector.darknet.yolo_loss import YoloOutputs, yolo_box
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


def decode_yolo(outputs: YoloOutputs) -> DensePredictions:
    """Decodes all anchors in all cells of all scales, differentiable."""
    boxes, objectness, classes, priors, cells = [], [], [], [], []
    for head, anchors, scale_xy in outputs.scales():
        raw, (ny, nx) = at_least_float32(head), head.shape[2:4]
        sides = anchors_in_cells(anchors, (ny, nx), outputs.image_size)[:, None, None]
        x = torch.arange(nx, dtype=raw.dtype, device=raw.device)
        y = torch.arange(ny, dtype=raw.dtype, device=raw.device)[:, None]
        box = yolo_box(raw[..., :4], sides, scale_xy)
        boxes.append(_corners(box[..., 0] + x, box[..., 1] + y, box[..., 2:], nx, ny).flatten(1, 3))
        objectness.append(raw[..., 4].sigmoid().flatten(1))
        classes.append(raw[..., 5:].sigmoid().flatten(1, 3))
        shape = (len(sides), ny, nx)
        middle_x, middle_y = (x + 0.5).expand(shape), (y + 0.5).expand(shape)
        priors.append(_corners(middle_x, middle_y, sides, nx, ny).flatten(0, 2))
        cells.append(_corners(middle_x, middle_y, torch.ones_like(sides), nx, ny).flatten(0, 2))
    per_image = [torch.cat(parts, dim=1) for parts in (boxes, objectness, classes)]
    return DensePredictions(per_image[0], per_image[1], per_image[2], torch.cat(priors), torch.cat(cells))


def match_yolo_predictions(outputs: YoloOutputs, targets: Targets, threshold: float) -> MatchedPredictions:
    """Decodes the predictions that the loss matches to targets, once per target; triggers a device sync."""
    scales = []
    for head, anchors, scale_xy in outputs.scales():
        ny, nx = head.shape[2:4]
        # In the dtype of the loss: near the threshold, rounding decides.
        pairs = assign_targets(anchors, (ny, nx), outputs.image_size, targets, threshold)
        target, anchor = torch.nonzero(pairs.matched).unbind(dim=1)
        image, row, column = pairs.image[target], pairs.row[target], pairs.column[target]
        rows = at_least_float32(head[image, anchor, row, column])
        box = yolo_box(rows[:, :4], pairs.anchors[anchor], scale_xy)
        boxes = _corners(box[:, 0] + column, box[:, 1] + row, box[:, 2:], nx, ny)
        scales.append((image, target, boxes, rows[:, 5:]))
    return MatchedPredictions(*map(torch.cat, zip(*scales, strict=True)))


def _corners(x: Tensor, y: Tensor, size: Tensor, nx: int, ny: int) -> Tensor:
    """x1, y1, x2, y2 in units of the image, from center and size in cells."""
    w, h = size[..., 0] / 2, size[..., 1] / 2
    return torch.stack([(x - w) / nx, (y - h) / ny, (x + w) / nx, (y + h) / ny], dim=-1)
