"""Expected values of DICOD, from formulas computed independently, and the toy classifier that they speak of."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from diode_pl.distillation.losses.dicod import CropTeacher

CONTENT = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in CONTENT["cases"]}
TOLERANCE = {
    torch.float64: CONTENT["meta"]["suggested_tolerance"]["float64"],
    torch.float32: CONTENT["meta"]["suggested_tolerance"]["float32"],
}


def inputs(name: str, dtype: torch.dtype) -> dict[str, Any]:
    """What a case gives: lists of equal rows as tensors, whole numbers and uneven lists as they are."""
    given = {}
    for key, value in CASES[name]["inputs"].items():
        try:
            tensor = torch.tensor(value, dtype=dtype)
        except (TypeError, ValueError):
            given[key] = value
        else:
            given[key] = tensor if tensor.dim() else value
    return given


def close(found: Tensor | float, expected: Any, dtype: torch.dtype, tolerance: float | None = None) -> None:
    """Compares in the tolerance that the cases state for ``dtype``."""
    bound = TOLERANCE[dtype] if tolerance is None else tolerance
    found = torch.as_tensor(found).detach().double()
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=bound)


class Toy(CropTeacher):
    """A convolution of one pixel, a rectifier, the maximum of two by two pixels; its logits are given."""

    def __init__(self, weight: Tensor, bias: Tensor, crop_size: int = 8, kind: str = "sigmoid") -> None:
        super().__init__()
        self.kind, self.class_names, self.crop_size = kind, ("cat", "dog", "cup"), crop_size
        self.convolution = torch.nn.Conv2d(*reversed(weight.shape), 1).to(weight.dtype)
        self.convolution.weight.data = weight[:, :, None, None].clone()
        self.convolution.bias.data = bias.clone()
        self.asked: list[Tensor] = []

    def object_logits(self, batch, boxes, image_index):
        self.asked.append(boxes)
        x1, y1, x2, y2 = boxes.unbind(dim=1)
        return torch.stack([x1 * 5 - 2, y1 * 3 - image_index, x2 * y2 * 4], dim=1)

    def features(self, crops):
        return [F.max_pool2d(self.convolution(crops).relu(), 2)]


def toy(dtype: torch.dtype = torch.float32, **options: Any) -> Toy:
    """With the weights of the cases."""
    given = inputs("KDloc_image_and_feature_terms", dtype)
    return Toy(given["toy_conv_weight_out_in"], given["toy_conv_bias"], **options)
