"""Kinds of numbers in state dicts: torch converts any kind into any other without a word."""

from collections.abc import Mapping

import torch
from torch import Tensor

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def describe_other_kind(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    """The first tensor of a state dict that another kind of numbers is expected for, or None if there is none.

    Half, bfloat16, single and double precision are one kind, and so are integers of any size. The weights of a network
    that was quantized are integers, or 8 bits of a floating point number, which mean nothing without their scales.

    Args:
        own: state dict of the module that it is loaded into.
        state: from a file.

    Example:
        >>> own = {"conv.weight": torch.zeros(2), "norm.num_batches_tracked": torch.tensor(0)}
        >>> describe_other_kind(own, {"norm.num_batches_tracked": torch.tensor(7)})
        >>> describe_other_kind(own, {"conv.weight": torch.ones(2, dtype=torch.int8)})
        'int8 in conv.weight; expected floating point numbers: float16, bfloat16, float32, float64'
    """
    for name, value in state.items():
        counts = name.endswith("num_batches_tracked") if name not in own else not own[name].is_floating_point()
        if not counts and value.dtype not in _FLOATS:
            return f"{_word(value.dtype)} in {name}; expected floating point numbers: {', '.join(map(_word, _FLOATS))}"
        # Programs that convert a whole file convert counters too.
        whole = value.dtype in _INTEGERS or value.dtype in _FLOATS and bool((value == value.round()).all())
        if counts and not (whole or name in own and value.dtype == own[name].dtype):
            return f"{_word(value.dtype)} in {name}; expected whole numbers"
    return None


def describe_broken(state: Mapping[str, Tensor]) -> str | None:
    """The first tensor of a state dict that computes nothing: with NaN, infinity or a negative variance; None if none.

    Example:
        >>> describe_broken({"norm.running_var": torch.tensor([0.5, -1.0])})
        'the negative variance -1 in norm.running_var'
    """
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            return f"numbers that are not finite, {'NaN' if bool(value.isnan().any()) else 'infinity'} in {name}"
        if name.rpartition(".")[2] == "running_var" and bool((value < 0).any()):
            return f"the negative variance {float(value.min()):g} in {name}"
    return None


def describe_odd_storage(value: Tensor) -> str | None:
    """What a tensor is that does not hold one number for each of its places, or None if it does.

    Example:
        >>> describe_odd_storage(torch.zeros(2)), describe_odd_storage(torch.zeros(2, device="meta"))
        (None, 'a tensor without its numbers')
    """
    if value.is_meta:
        return "a tensor without its numbers"
    if value.is_quantized:
        return f"a quantized tensor ({_word(value.dtype)})"
    return None if value.layout is torch.strided else f"a sparse tensor ({_word(value.layout)})"


def _word(kind: torch.dtype | torch.layout) -> str:
    return str(kind).removeprefix("torch.")
