"""Detectors of the package ultralytics."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector.base import DensePredictions, Detector, MatchedPredictions, Outputs
from diode_pl.detector.grid import decode_cells, make_grid
from diode_pl.detector.guided_assigner import KINDS
from diode_pl.detector.norm_inputs import name_called
from diode_pl.detector.torchvision.anchors import image_scale
from diode_pl.detector.ultralytics.criterion import run_criterion
from diode_pl.detector.ultralytics.loading import KIND, load_network
from diode_pl.detector.ultralytics.network import to_package_file
from diode_pl.detector.ultralytics.package import load_package
from diode_pl.detector.untrained_classes import untrained_classes
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


class Ultralytics(Detector):
    """YOLOv5u, v8, v9, v10, 11, 12, 26 and similar networks of an installation of the package ultralytics.

    Heads for use without non-maximum suppression (YOLOv10, YOLO26) have two branches; this is the detector of the
    branch with one-to-many assignment, the other one is left out.

    Args:
        weights: a .pt file of the package such as ``best.pt``, or a .safetensors file of ours; None draws random ones
            from the global generator.
        model: name of a network of the package such as ``yolo11n.yaml``, path of a .yaml file, or its content; None:
            that of the weights.
        names: path of a file with one class name per line, or the names; None: those of the weights.
        partial: takes of ``weights`` what fits by name and shape, and draws the rest.
        assignment: cells that the loss assigns to a target: ``task_aligned``, those that predict it best; ``center``,
            those near its center on the map for its size; ``guided``, the former for targets that the detector sees,
            the latter for others.
        twin_similarity: see :func:`untrained_classes`; with 1 every class counts as learned.

    Raises:
        ConfigError: if the package is missing, ``weights`` is refused, or network, weights and names do not match.
        ValueError: if ``assignment`` or ``twin_similarity`` is out of range, or two classes have the same name.

    Source: Li et al., Generalized Focal Loss, NeurIPS 2020; Feng et al., TOOD, ICCV 2021; Jocher et al., Ultralytics
    YOLO, 2023; the code is the package's own.
    """

    network: Any

    def __init__(
        self,
        weights: str | Path | None = None,
        model: str | Path | Mapping[str, Any] | None = None,
        names: str | Path | Sequence[str] | None = None,
        partial: bool = False,
        assignment: str = "guided",
        twin_similarity: float = 0.9,
    ) -> None:
        if assignment not in KINDS:
            raise ValueError(f"assignment must be one of {', '.join(KINDS)}, got {assignment!r}")
        if not -1 <= twin_similarity <= 1:
            raise ValueError(f"twin_similarity must be in [-1, 1], got {twin_similarity}")
        loaded = load_network(weights, model, names, partial)
        strides = [int(stride) for stride in loaded.network.stride]
        super().__init__(loaded.class_names, stride=max(strides))
        self.network, self.provenance, self._strides = loaded.network, loaded.provenance, tuple(strides)
        self._description, self._assignment, self._twin_similarity = loaded.description, assignment, twin_similarity
        self._norm_names = name_called(self, (nn.BatchNorm2d,), torch.zeros(1, 3, self.stride, self.stride))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        self.require_size(images)
        features, head = self.network(images), self.network.model[-1]
        parts = zip(features, head.cv2, head.cv3, strict=True)
        maps = [torch.cat([box(each), classes(each)], dim=1) for each, box, classes in parts]
        rows = tuple(each.flatten(2).transpose(1, 2) for each in maps)
        height, width = images.shape[2:]
        return Outputs(rows, tuple(features), self._strides, (height, width))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        return run_criterion(self.network, outputs, targets, self._assignment).terms

    def decode(self, outputs: Outputs) -> DensePredictions:
        return decode_cells(*self._split(outputs), make_grid(outputs), image_scale(outputs))

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return self._split(outputs)[1]

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        with torch.no_grad():
            found = run_criterion(self.network, outputs, targets, self._assignment)
        return found.match(self.decode(outputs).boxes, self.class_logits(outputs))

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """Output of the first convolution with its norm and activation, for images of any size, differentiable."""
        return self.network.model[0](images)

    @torch.no_grad()
    def learned_classes(self) -> dict[str, int]:
        weights = [branch[-1].weight.flatten(1) for branch in self.network.model[-1].cv3]
        unlearned = untrained_classes(torch.cat(weights, dim=1), self._twin_similarity).tolist()
        return {name: label for label, name in enumerate(self.class_names) if not unlearned[label]}

    def weights_metadata(self) -> dict[str, str]:
        architecture: dict[str, Any] = {"class": KIND, "network": self._description}
        architecture |= {"assignment": self._assignment, "twin_similarity": self._twin_similarity}
        return {"architecture": json.dumps(architecture)} if type(self) is Ultralytics else {}

    def native_files(self, resolution: int) -> dict[str, bytes]:
        state = self.network.state_dict()
        return {".pt": to_package_file(load_package(), self._description, self.class_names, state)}

    def norm_layers(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self._norm_names]

    @property
    def backbone_norm_layers(self) -> int:
        backbone = set(self.network.model[: len(self._description["backbone"])].modules())
        return sum(layer in backbone for layer in self.norm_layers())

    def _split(self, outputs: Outputs) -> tuple[Float[Tensor, "n m d"], Float[Tensor, "n m c"]]:
        """Box codes and class logits of every cell, in float32 or float64."""
        rows, classes = at_least_float32(torch.cat(outputs.heads, dim=1)), len(self.class_names)
        return rows[..., :-classes], rows[..., -classes:]
