"""Kinds of numbers: what may stand for what."""

import pytest
import torch
from torch import Tensor

from diode_pl.io.tensor_kinds import describe_odd_storage, describe_other_kind

OWN = {"weight": torch.zeros(2), "norm.num_batches_tracked": torch.tensor(0), "mask": torch.zeros(2, dtype=torch.bool)}
FLOATS = "expected floating point numbers: float16, bfloat16, float32, float64"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_precision_is_taken(dtype: torch.dtype) -> None:
    state = {"weight": torch.tensor([0.5, -1]).to(dtype), "norm.num_batches_tracked": torch.tensor(12).to(dtype)}
    assert describe_other_kind(OWN, state | {"mask": torch.ones(2, dtype=torch.bool)}) is None
    assert describe_other_kind(OWN, {"norm.num_batches_tracked": torch.tensor(12, dtype=torch.int32)}) is None
    assert describe_other_kind({}, state) is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("weight", torch.ones(2, dtype=torch.int8), f"int8 in weight; {FLOATS}"),
        ("weight", torch.ones(2, dtype=torch.int64), f"int64 in weight; {FLOATS}"),
        ("weight", torch.ones(2, dtype=torch.bool), f"bool in weight; {FLOATS}"),
        ("weight", torch.ones(2, dtype=torch.complex64), f"complex64 in weight; {FLOATS}"),
        ("weight", torch.ones(2).to(torch.float8_e4m3fn), f"float8_e4m3fn in weight; {FLOATS}"),
        ("renamed.weight", torch.ones(2, dtype=torch.uint8), f"uint8 in renamed.weight; {FLOATS}"),
        ("norm.num_batches_tracked", torch.tensor(2.5), "float32 in norm.num_batches_tracked; expected whole numbers"),
        ("other.num_batches_tracked", torch.tensor(True), "bool in other.num_batches_tracked; expected whole numbers"),
        ("norm.num_batches_tracked", torch.tensor(1j), "complex64 in norm.num_batches_tracked; expected whole numbers"),
    ],
)
def test_what_would_be_cut_is_named(name: str, value: Tensor, said: str) -> None:
    assert describe_other_kind(OWN, {"weight": torch.ones(2), name: value}) == said


@pytest.mark.filterwarnings("ignore")  # quantized and compressed tensors are to change in torch
def test_tensors_that_do_not_hold_their_numbers() -> None:
    assert describe_odd_storage(torch.eye(2)[:, :1]) is None
    assert describe_odd_storage(torch.eye(2).to_sparse()) == "a sparse tensor (sparse_coo)"
    assert describe_odd_storage(torch.eye(2).to_sparse_csr()) == "a sparse tensor (sparse_csr)"
    assert describe_odd_storage(torch.quantize_per_tensor(torch.eye(2), 0.1, 0, torch.qint8)) == (
        "a quantized tensor (qint8)"
    )
