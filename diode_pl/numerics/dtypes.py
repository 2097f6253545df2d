"""Precision of computations."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """``x`` in at least float32; float64 stays."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
