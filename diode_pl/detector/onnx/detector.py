"""Detectors from ONNX files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.class_names import read_names
from diode_pl.detector.base import DensePredictions, Detector, MatchedPredictions, Outputs
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_finite
from diode_pl.detector.grid import decode_cells, make_grid
from diode_pl.detector.guided_assigner import KINDS, CriterionResult
from diode_pl.detector.norm_inputs import name_called
from diode_pl.detector.onnx.criterion import run_criterion
from diode_pl.detector.onnx.file import read_model
from diode_pl.detector.onnx.head import class_weights
from diode_pl.detector.onnx.names import stored_names
from diode_pl.detector.onnx.network import build_network, run_stem
from diode_pl.detector.torchvision.anchors import image_scale
from diode_pl.detector.untrained_classes import untrained_classes
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.provenance import GIVEN_WEIGHTS
from diode_pl.targets import Targets

_COLORS = ("rgb", "bgr")


class Onnx(Detector):
    """A detector with a head of Generalized Focal Loss (PicoDet, GFL) from an ONNX file with batch norm.

    The graph becomes a network of torch, which is compared with what onnxruntime computes. What follows the last
    convolutions is left out. A teacher or a verifier; a file of weights cannot build it again, so it is not a student.

    Args:
        weights: the file; its batch norm must not be folded into the convolutions.
        names: path of a file with one class name per line, or the names; None: those in the file.
        mean: of the pixels that the file expects, by channel in the order of ``colors``, of images in [0, 1].
        std: standard deviation of these, likewise.
        colors: order of the channels, ``rgb`` or ``bgr``.
        assignment: cells that the loss assigns to a target, see :class:`~diode_pl.detector.Ultralytics`.
        twin_similarity: see :func:`untrained_classes`; with 1 every class counts as learned.

    Raises:
        ConfigError: if the package onnx2torch is missing, the file is refused, or it states no class names.
        ValueError: if another argument is out of range, or names are not as many as the file has classes.

    Source: Li et al., Generalized Focal Loss, NeurIPS 2020; Yu et al., PP-PicoDet, 2021.
    """

    trainable = False
    mean: Tensor
    std: Tensor
    network: Any

    def __init__(
        self,
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        colors: str = "rgb",
        assignment: str = "guided",
        twin_similarity: float = 0.9,
    ) -> None:
        if weights is None:
            raise ConfigError("weights: expected the path of an .onnx file, got null")
        if assignment not in KINDS:
            raise ValueError(f"assignment must be one of {', '.join(KINDS)}, got {assignment!r}")
        if not -1 <= twin_similarity <= 1:
            raise ValueError(f"twin_similarity must be in [-1, 1], got {twin_similarity}")
        if colors not in _COLORS:
            raise ValueError(f"colors must be one of {', '.join(_COLORS)}, got {colors!r}")
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"mean and std must be 3 numbers each, std above 0, got {list(mean)} and {list(std)}")
        path = Path(weights)
        model = read_model(path)
        listed = stored_names(model) if names is None else read_names(names)
        network = build_network(model, path, None if listed is None else len(listed))
        if listed is None:
            raise ConfigError(
                f"names: {path} states no class names; expected the path of a file with one name per line"
            )
        if len(listed) != network.head.classes:
            raise ConfigError(f"names: expected {network.head.classes}, the classes of {path}, got {len(listed)}")
        coarsest = network.head.levels[-1].stride
        super().__init__(listed, stride=network.step, smallest=-(-coarsest // network.step) * network.step)
        self.network, self.provenance = network.module, GIVEN_WEIGHTS
        require_finite(self.network.state_dict(), path)
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(list(std)).view(1, 3, 1, 1))
        self._reversed, self._assignment = colors == "bgr", assignment
        self._strides = tuple(level.stride for level in network.head.levels)
        self._backbone_norms = network.backbone_norms
        rows = class_weights(model, network.head)
        unlearned = [] if rows is None else untrained_classes(rows, twin_similarity).tolist()
        self._unlearned = {name for name, flag in zip(listed, unlearned, strict=False) if flag}
        self._norm_names = name_called(self, (nn.BatchNorm2d,), torch.zeros(1, 3, self.smallest, self.smallest))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        self.require_size(images)
        found, levels = self.network(self._normalize(images)), len(self._strides)
        logits, codes, features = found[:levels], found[levels : 2 * levels], found[2 * levels :]
        maps = (torch.cat(each, dim=1) for each in zip(codes, logits, strict=True))
        rows = tuple(each.flatten(2).transpose(1, 2) for each in maps)
        height, width = images.shape[2:]
        return Outputs(rows, tuple(features), self._strides, (height, width))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        return self._run_criterion(outputs, targets).terms

    def decode(self, outputs: Outputs) -> DensePredictions:
        return decode_cells(*self._split(outputs), make_grid(outputs), image_scale(outputs))

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return self._split(outputs)[1]

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        with torch.no_grad():
            found = self._run_criterion(outputs, targets)
        return found.match(self.decode(outputs).boxes, self.class_logits(outputs))

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """Output of the first norm layer, for images of any size, differentiable."""
        return run_stem(self.network, self._normalize(images))

    def learned_classes(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.class_names) if name not in self._unlearned}

    def norm_layers(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self._norm_names]

    @property
    def backbone_norm_layers(self) -> int:
        return self._backbone_norms

    def _normalize(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return ((images.flip(1) if self._reversed else images) - self.mean) / self.std

    def _run_criterion(self, outputs: Outputs, targets: Targets) -> CriterionResult:
        codes, logits = self._split(outputs)
        return run_criterion(codes, logits, make_grid(outputs), targets, image_scale(outputs), self._assignment)

    def _split(self, outputs: Outputs) -> tuple[Float[Tensor, "n m d"], Float[Tensor, "n m c"]]:
        """Logits of distances and classes of every cell, in float32 or float64."""
        rows, classes = at_least_float32(torch.cat(outputs.heads, dim=1)), len(self.class_names)
        return rows[..., :-classes], rows[..., -classes:]
