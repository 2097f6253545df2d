"""Small networks of the package transformers; tests that want them are skipped where it is absent."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from diode_pl.detector import HuggingFace
from diode_pl.detector.huggingface.package import Package, load_package

NAMES = ("cat", "dog", "cup")
_WIDTHS, _MAPS = [8, 16, 16], {"out_features": ["stage2", "stage3"]}  # strides 8 and 16
_RESNET = {"embedding_size": 8, "hidden_sizes": _WIDTHS, "depths": [1, 1, 1], "layer_type": "basic"}
_HGNET = {
    **{"stem_channels": [3, 8, 8], "stage_in_channels": [8, 8, 16], "stage_mid_channels": [8, 8, 8]},
    **{"stage_out_channels": _WIDTHS, "stage_num_blocks": [1, 1, 1], "stage_numb_of_layers": [1, 1, 1]},
    **{"stage_downsample": [False, True, True], "stage_downsample_strides": [2, 2, 2]},
    **{"stage_light_block": [False, False, True], "stage_kernel_size": [3, 3, 3]},
    **{"hidden_sizes": _WIDTHS, "depths": [1, 1, 1]},
}
_ATTENTION = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
_TRANSFORMER = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "num_queries": 24, **_ATTENTION}
_HYBRID = {
    **{"encoder_hidden_dim": 16, "encoder_in_channels": _WIDTHS[1:], "decoder_in_channels": [16, 16]},
    **{"hidden_expansion": 0.5, "decoder_n_points": 2, "num_feature_levels": 2, **_TRANSFORMER},
    **{"feat_strides": [8, 16], "encode_proj_layers": [1], "decoder_n_levels": 2},
}
TINY: dict[str, dict[str, Any]] = {
    "rt_detr": {**_HYBRID, "backbone_config": {"model_type": "rt_detr_resnet", **_RESNET, **_MAPS}},
    "rt_detr_v2": {**_HYBRID, "backbone_config": {"model_type": "rt_detr_resnet", **_RESNET, **_MAPS}},
    "d_fine": {
        **{**_HYBRID, "depth_mult": 0.34, "max_num_bins": 8},
        "backbone_config": {"model_type": "hgnet_v2", **_HGNET, **_MAPS},
    },
    "detr": {
        **{**_TRANSFORMER, "dropout": 0.0, "use_timm_backbone": False},
        "backbone_config": {"model_type": "resnet", **_RESNET, "out_features": ["stage3"]},
    },
    "yolos": {
        **{"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16},
        **{"num_detection_tokens": 24, "image_size": [64, 64], "use_mid_position_embeddings": False},
    },
}


def need_package() -> Package:
    """The package, or no test."""
    if find_spec("transformers") is None:
        pytest.skip("needs the package transformers: make setup")
    return load_package()


def description(family: str, **changes: Any) -> dict[str, Any]:
    """The configuration of a small network of a family."""
    return {"model_type": family, **TINY[family], **changes}


def tiny(weights: Path | None, names: Sequence[str] | None, family: str = "rt_detr", **changes: Any) -> HuggingFace:
    """A detector with such a network; it is called ``cat``, ``dog`` and ``cup`` without names."""
    need_package()
    return HuggingFace(weights, description(family, **changes), NAMES if names is None else names)


@torch.no_grad()
def spread_boxes(detector: Any, images: Tensor) -> None:
    """Makes predictions of queries as unlike as a trained network's: with random weights they are nearly the same."""
    network = detector.eval().network
    if detector.class_activation == "sigmoid":
        for name, layer in network.named_modules():
            if re.search(r"bbox_embed\.\d\.layers\.2$", name):  # larger boxes overlap
                layer.bias.copy_(torch.tensor([0, 0, 1.5, 1.5]))
        return
    for name, value in network.named_parameters():
        if name.endswith(("query_position_embeddings.weight", "detection_tokens")):
            torch.nn.init.normal_(value)
    norm = network.vit.layernorm if hasattr(network, "vit") else network.model.decoder.layernorm
    seen: list[Tensor] = []
    handle = norm.register_forward_hook(lambda _, given, found: seen.append(found[:, -24:].flatten(0, 1)))
    detector(images)
    handle.remove()
    norm.weight.copy_(1.5 / seen[0].std(dim=0))
    norm.bias.copy_(-seen[0].mean(dim=0) * norm.weight)
    head = network.bbox_predictor.layers[2]
    head.bias.copy_(torch.tensor([0, 0, -1, -1]))


def write_folder(path: Path, family: str = "rt_detr", names: Sequence[str] = NAMES, **changes: Any) -> Any:
    """Writes a folder of the package's own with random weights and statistics; returns the network in it."""
    package = need_package()
    numbered = dict(enumerate(names))
    keys = {"id2label": numbered, "label2id": {name: i for i, name in numbered.items()}, **TINY[family], **changes}
    network: Any = package.from_config(package.make_config(family, **keys))
    for layer in network.modules():
        if hasattr(layer, "running_var"):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
            layer.weight.data.uniform_(0.5, 1.5)
    network.save_pretrained(path)
    return network.eval()
