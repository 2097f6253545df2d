"""The package's loss, between the outputs of a detector and targets."""

import copy
import re
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torchvision.ops import box_convert

from diode_pl.detector.huggingface.package import load_package
from diode_pl.detector.huggingface.queries import Queries
from diode_pl.detector.torchvision.base import valid_positions
from diode_pl.detector.torchvision.deterministic_sampler import process_share
from diode_pl.targets import Targets

# Names of the package's terms, and of ours.
_TERMS = {"ce": "class", "vfl": "class", "bbox": "box", "giou": "overlap", "fgl": "corners", "ddf": "corners"}
_TERM = re.compile(rf"loss_({'|'.join(_TERMS)})(?:_.*)?")


def run_criterion(network: Any, queries: Queries, targets: Targets, columns: Int[Tensor, " c"]) -> dict[str, Tensor]:
    """Terms of the package's loss, each the sum over the layers of the decoder and the encoder's proposals.

    Args:
        network: of :func:`build_network`.
        queries: of its detector, in float32 or float64.
        targets: boxes that are invalid or have no area do not count.
        columns: output of each class.
    """
    labels, _ = to_labels(targets, columns, queries.layers[-1].dtype)
    logits, boxes = zip(*((rows[..., :-4], rows[..., -4:]) for rows in queries.layers), strict=True)
    config, more = copy.copy(network.config), {}
    config.auxiliary_loss = len(logits) > 1 or bool(queries.proposals)
    along = 1 if queries.proposals else 0  # DETR's has layers first
    if queries.proposals:
        more = {"enc_topk_logits": queries.proposals[0][..., :-4], "enc_topk_bboxes": queries.proposals[0][..., -4:]}
    if queries.corners:
        more["predicted_corners"] = torch.stack([rows[..., :-4] for rows in queries.corners], dim=1)
        more["initial_reference_points"] = torch.stack([rows[..., -4:] for rows in queries.corners], dim=1)
    layers = torch.stack(logits, dim=along), torch.stack(boxes, dim=along)
    with torch.autocast(boxes[0].device.type, enabled=False):
        given = logits[-1], labels, boxes[0].device, boxes[-1], config, *layers
        found: dict[str, Tensor] = network.loss_function(*given, **more)[1]
    # RT-DETR's terms come with their factors; all but DETR's class term are divided by the number of boxes.
    factors = {} if queries.proposals else {"bbox": config.bbox_loss_coefficient, "giou": config.giou_loss_coefficient}
    share, terms = process_share(boxes[0].new_tensor(sum(len(each["boxes"]) for each in labels))), dict[str, Tensor]()
    for name, value in found.items():
        if (match := _TERM.fullmatch(name)) is None:  # an error that is logged, without gradient
            continue
        term = _TERMS[match[1]]
        value = factors.get(match[1], 1) * value * (1 if match[1] == "ce" else share)
        terms[term] = terms[term] + value if term in terms else value
    return terms


def match_queries(
    network: Any, queries: Queries, targets: Targets, columns: Int[Tensor, " c"]
) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"], Int[Tensor, " k"]]:
    """Image, query and target of each pair that the package's matcher makes of the predictions and the valid boxes."""
    rows, config = queries.layers[-1].detach(), network.config
    labels, positions = to_labels(targets, columns, rows.dtype)
    of_proposals, plain = load_package().matchers
    if queries.proposals:
        matcher = of_proposals(config)
    else:
        matcher = plain(class_cost=config.class_cost, bbox_cost=config.bbox_cost, giou_cost=config.giou_cost)
    with torch.autocast(rows.device.type, enabled=False):
        pairs = matcher({"logits": rows[..., :-4], "pred_boxes": rows[..., -4:]}, labels)
    image = torch.cat([torch.full_like(query, i) for i, (query, _) in enumerate(pairs)]).to(rows.device)
    target = torch.cat([at[box.to(at.device)] for at, (_, box) in zip(positions, pairs, strict=True)])
    return image, torch.cat([query for query, _ in pairs]).to(rows.device), target


def to_labels(
    targets: Targets, columns: Int[Tensor, " c"], dtype: torch.dtype
) -> tuple[list[dict[str, Tensor]], list[Int[Tensor, " _"]]]:
    """Targets of each image in the package's format, and their positions; triggers a device sync."""
    positions = valid_positions(targets)
    boxes = [box_convert(targets.boxes[at].to(dtype), "xyxy", "cxcywh") for at in positions]
    labels = [columns[targets.labels[at]] for at in positions]
    named = [{"class_labels": label, "boxes": box} for label, box in zip(labels, boxes, strict=True)]
    return named, positions
