import torch

from diode_pl.numerics.dtypes import at_least_float32


def test_full_precision() -> None:
    for dtype, wanted in (
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        assert at_least_float32(torch.zeros(1, dtype=dtype)).dtype == wanted
