"""Configurations of published networks by name, for random weights.

Source: Zhao et al., RT-DETR, CVPR 2024; Lv et al., RT-DETRv2, 2024; Peng et al., D-FINE, ICLR 2025; Carion et al.,
DETR, ECCV 2020; Fang et al., YOLOS, NeurIPS 2021; and the configurations that were published with their weights.
"""

from collections.abc import Sequence
from typing import Any

_SHALLOW, _DEEP = [64, 128, 256, 512], [256, 512, 1024, 2048]  # widths of the stages of a ResNet
_MAPS = [2, 3, 4]  # of a backbone: strides 8, 16, 32


def list_architectures() -> dict[str, dict[str, Any]]:
    """Configurations by name, such as ``rtdetr_r18``."""
    found = {}
    for prefix, family in (("rtdetr", "rt_detr"), ("rtdetr_v2", "rt_detr_v2")):
        half = {"hidden_expansion": 0.5}
        found[f"{prefix}_r18"] = _rt_detr(family, [2, 2, 2, 2], _SHALLOW, decoder_layers=3, **half)
        found[f"{prefix}_r34"] = _rt_detr(family, [3, 4, 6, 3], _SHALLOW, decoder_layers=4, **half)
        found[f"{prefix}_r50"] = _rt_detr(family, [3, 4, 6, 3], _DEEP)
        wide = {"encoder_hidden_dim": 384, "encoder_ffn_dim": 2048, "decoder_in_channels": [384, 384, 384]}
        found[f"{prefix}_r101"] = _rt_detr(family, [3, 4, 23, 3], _DEEP, **wide)
    return found | _D_FINE | {f"detr_r{n}": _detr(depths) for n, depths in _DETR.items()} | _YOLOS


def _rt_detr(family: str, depths: Sequence[int], widths: Sequence[int], **more: Any) -> dict[str, Any]:
    backbone = {"model_type": "rt_detr_resnet", "depths": [*depths], "hidden_sizes": [*widths], "out_indices": _MAPS}
    backbone["layer_type"] = "basic" if widths is _SHALLOW else "bottleneck"
    return {"model_type": family, "backbone_config": backbone, "encoder_in_channels": [*widths[1:]], **more}


def _hgnet(stem: Sequence[int], mid: int, out: Sequence[int], blocks: Sequence[int], layers: int) -> dict[str, Any]:
    backbone = {"model_type": "hgnet_v2", "stem_channels": [3, *stem], "stage_in_channels": [stem[-1], *out[:3]]}
    backbone |= {"stage_mid_channels": [mid * 2**i for i in range(4)], "stage_out_channels": [*out]}
    backbone |= {"stage_num_blocks": [*blocks], "stage_numb_of_layers": [layers] * 4, "out_indices": _MAPS}
    return backbone | {"use_learnable_affine_block": layers < 6, "hidden_sizes": [*out]}


def _d_fine(backbone: dict[str, Any], **more: Any) -> dict[str, Any]:
    widths = backbone["hidden_sizes"][1:]
    found = {"model_type": "d_fine", "backbone_config": backbone, "encoder_in_channels": widths}
    return found | {"decoder_n_points": [3, 6, 3], **more}


def _detr(depths: Sequence[int]) -> dict[str, Any]:
    backbone = {"model_type": "resnet", "depths": [*depths], "out_features": ["stage4"]}
    return {"model_type": "detr", "backbone_config": backbone, "use_timm_backbone": False}


def _yolos(width: int, heads: int, sides: Sequence[int], everywhere: bool = True) -> dict[str, Any]:
    size = {"hidden_size": width, "num_attention_heads": heads, "intermediate_size": 4 * width, "image_size": [*sides]}
    return {"model_type": "yolos", **size, "use_mid_position_embeddings": everywhere}


_SMALL = ([16, 16], 16, [64, 256, 512, 1024], [1, 1, 2, 1], 3)
_NANO: dict[str, Any] = {
    **_d_fine(_hgnet(*_SMALL) | {"out_indices": [3, 4]}, encoder_ffn_dim=512, encode_proj_layers=[1], d_model=128),
    **{"encoder_in_channels": [512, 1024], "decoder_in_channels": [128, 128], "feat_strides": [16, 32]},
    **{"encoder_hidden_dim": 128, "decoder_ffn_dim": 512, "decoder_n_points": [6, 6], "num_feature_levels": 2},
    **{"hidden_expansion": 0.34, "depth_mult": 0.5, "decoder_layers": 3},
}
_MEDIUM, _LARGE = [96, 384, 768, 1536], [128, 512, 1024, 2048]
_WIDE = {"encoder_hidden_dim": 384, "encoder_ffn_dim": 2048, "decoder_in_channels": [384, 384, 384]}
_D_FINE = {
    "dfine_n": _NANO,
    "dfine_s": _d_fine(_hgnet(*_SMALL), hidden_expansion=0.5, depth_mult=0.34, decoder_layers=3),
    "dfine_m": _d_fine(_hgnet([24, 32], 32, _MEDIUM, [1, 1, 3, 1], 4), depth_mult=0.67, decoder_layers=4),
    "dfine_l": _d_fine(_hgnet([32, 48], 48, _LARGE, [1, 1, 3, 1], 6)),
    "dfine_x": _d_fine(_hgnet([32, 64], 64, _LARGE, [1, 2, 5, 2], 6), **_WIDE),
}
_DETR = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}
_YOLOS = {
    "yolos_tiny": _yolos(192, 3, [800, 1333], everywhere=False),
    "yolos_small": _yolos(384, 6, [512, 864]),
    "yolos_base": _yolos(768, 12, [800, 1344]),
}
