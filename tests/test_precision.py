import torch

from diode_pl.precision import full_precision


def test_full_precision() -> None:
    for dtype, wanted in (
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        assert full_precision(torch.zeros(1, dtype=dtype)).dtype == wanted
