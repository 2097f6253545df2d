"""Detectors of the package transformers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d, box_convert

from diode_pl.detector.base import DensePredictions, Detector, MatchedPredictions, Outputs
from diode_pl.detector.huggingface.criterion import match_queries, run_criterion
from diode_pl.detector.huggingface.loading import KIND, Normalization, load_network
from diode_pl.detector.huggingface.network import to_package_folder
from diode_pl.detector.huggingface.package import load_package
from diode_pl.detector.huggingface.queries import Queries, run_network
from diode_pl.detector.norm_inputs import name_called
from diode_pl.detector.torchvision.objectness import split_sigmoid, split_softmax
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_NORMS = (nn.BatchNorm2d, FrozenBatchNorm2d)


class HuggingFace(Detector):
    """RT-DETR, RT-DETRv2, D-FINE, DETR and YOLOS of an installation of the package transformers.

    Each of a fixed number of queries predicts one object or none. Heads are rows per query, those of the decoder's
    last layer at the end; the loss adds those of the other layers, without denoising queries.

    Args:
        weights: a .safetensors file of ours, or a folder of the package; None: those of ``model``.
        model: a folder of the package or the name of a model that was downloaded before, with their weights; or the
            name of an architecture such as ``rtdetr_r18``, path of a config.json, or its content, with random weights
            from the global generator.
        names: path of a file with one class name per line, or the names; None: those of the weights.
        partial: takes of the weights what fits by name and shape, and draws the rest.
        frozen_norms: whether the batch norm of the backbone never learns; None: as the package has it. With random
            weights it always learns.
        normalization: mean and standard deviation of pixels in [0, 1], three numbers each; None: as the folder says, or
            else ImageNet's for DETR and YOLOS and none for the others.

    Raises:
        ConfigError: if the package is missing, weights are refused, or network, weights and names do not match.
        ValueError: if two classes have the same name.

    Source: Carion et al., ECCV 2020; Fang et al., NeurIPS 2021; Zhao et al., CVPR 2024; Peng et al., ICLR 2025; the
    code is the package's own.
    """

    network: Any
    columns: Tensor
    _mean: Tensor
    _std: Tensor

    def __init__(
        self,
        weights: str | Path | None = None,
        model: str | Path | Mapping[str, Any] | None = None,
        names: str | Path | Sequence[str] | None = None,
        partial: bool = False,
        frozen_norms: bool | None = None,
        normalization: Normalization | list[list[float]] | None = None,
    ) -> None:
        loaded = load_network(weights, model, names, partial, frozen_norms)
        config, family = loaded.network.config, loaded.network.config.model_type
        stride = config.patch_size if family == "yolos" else max(getattr(config, "feat_strides", [32]))
        super().__init__(loaded.class_names, stride, _smallest(config, stride))
        self.network, self.provenance, self._description = loaded.network, loaded.provenance, loaded.description
        self._family, self._frozen_norms = family, loaded.frozen_norms
        self.class_activation = "softmax" if family in ("detr", "yolos") else "sigmoid"
        mean, std = loaded.normalization if normalization is None else normalization
        self._normalization = [float(number) for number in mean], [float(number) for number in std]
        self.register_buffer("_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("columns", torch.tensor(loaded.columns), persistent=False)
        self._find_layers()

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        self.require_size(images)
        queries, features = run_network(self.network, (images - self._mean) / self._std)
        height, width = images.shape[2:]
        strides = tuple(height // feature.shape[2] for feature in features)
        return Outputs(queries.heads, features, strides, (height, width))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        return run_criterion(self.network, self._queries(outputs), targets, self.columns)

    def decode(self, outputs: Outputs) -> DensePredictions:
        return self._decode(self._queries(outputs).layers[-1])

    def decode_stages(self, outputs: Outputs, hints: Targets) -> tuple[DensePredictions, ...]:
        """The encoder's proposals, and the queries after each layer of the decoder."""
        queries = self._queries(outputs)
        return tuple(self._decode(rows) for rows in (*queries.proposals, *queries.layers))

    def heads_on_proposals_of(self, outputs: Outputs, other: Outputs) -> tuple[Tensor, ...]:
        if self._queries(outputs).proposals:
            raise ValueError(
                f"student and losses: raw heads compare row by row, but an image orders the queries of "
                f"{self._family}; take Decoded, which assigns objects to them"
            )
        return outputs.heads

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return self._queries(outputs).layers[-1][..., self.columns]

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        queries = self._queries(outputs)
        image, query, target = match_queries(self.network, queries, targets, self.columns)
        logits = queries.layers[-1][image, query, :-4]
        known = logits[:, self.columns]
        if self.class_activation == "softmax":
            # As in decode(): no object, or of a class without a name.
            others = logits.index_fill(1, self.columns, -torch.inf).logsumexp(dim=1, keepdim=True)
            known = torch.cat([known, others], dim=1)
        return MatchedPredictions(image, target, self.decode(outputs).boxes[image, query], known)

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """Output of the first convolution, for images of any size, differentiable."""
        return self.get_submodule(self._stem)((images - self._mean) / self._std)

    def weights_metadata(self) -> dict[str, str]:
        architecture: dict[str, Any] = {"class": KIND, "network": self._description}
        architecture |= {"frozen_norms": self._frozen_norms, "normalization": self._normalization}
        return {"architecture": json.dumps(architecture)} if type(self) is HuggingFace else {}

    def native_files(self, resolution: int) -> dict[str, bytes]:
        files = to_package_folder(load_package(), self.network, resolution, self._normalization)
        return {f"/{name}": content for name, content in files.items()}

    def norm_layers(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self._norm_names]

    def norm_shares(self) -> list[float]:
        frozen = [isinstance(layer, FrozenBatchNorm2d) for layer in self.norm_layers()]
        return [1 - sum(frozen[:i]) / sum(frozen) if each else 1.0 for i, each in enumerate(frozen)]

    @property
    def backbone_norm_layers(self) -> int:
        return sum(name.startswith("network.model.backbone.") for name in self._norm_names)

    def _queries(self, outputs: Outputs) -> Queries:
        return Queries.from_heads([at_least_float32(head) for head in outputs.heads], self._family)

    def _decode(self, rows: Float[Tensor, "n q d"]) -> DensePredictions:
        logits, center, size = rows.split([rows.shape[2] - 4, 2, 2], dim=2)
        # D-FINE's can be negative; clipped without loss of gradient.
        size = size + (size.clamp(min=0) - size).detach()
        boxes = box_convert(torch.cat([center, size], dim=2), "cxcywh", "xyxy")
        softmax = self.class_activation == "softmax"
        if softmax:
            objectness, classes = split_softmax(logits, self.columns)
        else:
            objectness, classes = split_sigmoid(logits[..., self.columns].sigmoid())
        # A query has no place of its own: what it refers to is its box.
        return DensePredictions(boxes, objectness, classes, boxes.detach(), None, queries=True, has_objectness=softmax)

    def _find_layers(self) -> None:
        """Names of norm layers, in the order in which they are called, and of the first convolution."""
        images = torch.zeros(1, 3, self.smallest, self.smallest)
        called = name_called(self, (*_NORMS, nn.Conv2d), images)
        self._norm_names = [name for name in called if isinstance(self.get_submodule(name), _NORMS)]
        self._stem = next(name for name in called if isinstance(self.get_submodule(name), nn.Conv2d))


def _smallest(config: Any, stride: int) -> int:
    """Smallest side with as many cells as there are queries, which begin from the best of them."""
    side, strides = stride, getattr(config, "feat_strides", [])
    while strides and sum((side // each) ** 2 for each in strides) < config.num_queries:
        side += stride
    return side
