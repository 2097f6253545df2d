"""The package's loss, between the outputs of a detector and targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torchvision.ops import box_convert

from diode_pl.detector.grid import make_grid
from diode_pl.detector.guided_assigner import CriterionResult, GuidedAssigner
from diode_pl.detector.outputs import Outputs
from diode_pl.detector.torchvision.base import valid_positions
from diode_pl.detector.torchvision.deterministic_sampler import process_share
from diode_pl.detector.ultralytics.package import load_package
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


def run_criterion(network: Any, outputs: Outputs, targets: Targets, assignment: str) -> CriterionResult:
    """Computes the package's loss; triggers a device sync.

    Args:
        network: of :func:`build_network`.
        outputs: of its detector.
        targets: boxes that are invalid or have no area do not count.
        assignment: see :class:`GuidedAssigner`.
    """
    head = network.model[-1]
    rows = at_least_float32(torch.cat(outputs.heads, dim=1))
    codes, logits = rows.transpose(1, 2).split([4 * head.reg_max, head.nc], dim=1)
    # Of the maps, the criterion reads sizes and dtype.
    maps = [rows.new_empty(1, 1, *feature.shape[2:]) for feature in outputs.features]
    kept = torch.cat(valid_positions(targets))  # the criterion takes them image by image
    image, boxes = targets.image_index[kept], targets.boxes[kept].to(rows.dtype)
    batch = {"batch_idx": image, "cls": targets.labels[kept], "bboxes": box_convert(boxes, "xyxy", "cxcywh")}
    with torch.autocast(rows.device.type, enabled=False), _default_dtype(rows.dtype):
        criterion = load_package().loss(network)
        assigner = GuidedAssigner(criterion.assigner, make_grid(outputs), assignment)
        criterion.assigner = assigner
        # Multiplied by the number of images.
        losses = criterion({"boxes": codes, "scores": logits, "feats": maps}, batch)[0] / len(rows)
    # Divided by the sum of the scores; the mean is over all processes.
    losses = losses * process_share(assigner.found.scores.sum().to(losses.dtype))
    terms = dict(zip(("box", "class", "distance"), losses.unbind(), strict=True))
    positive, cell = torch.nonzero(assigner.found.positive, as_tuple=True)
    counts = (image[:, None] == torch.arange(len(rows), device=image.device)).sum(dim=0)
    first = counts.cumsum(dim=0) - counts
    target = kept[first[positive] + assigner.found.target[positive, cell]]
    return CriterionResult(terms, positive, cell, target)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """The criterion collects its terms in the default dtype, which would round those in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
