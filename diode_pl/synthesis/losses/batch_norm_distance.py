"""How far apart two sets of channel statistics are."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import ChannelStats

Form = Literal["paper", "standardized", "kl"]
FORMS = get_args(Form)

_LEAST_EPS = 1e-5  # where a layer adds nothing, variances down to 0 would make infinite distances


def batch_norm_distance(
    batch: Sequence[ChannelStats],
    reference: Sequence[ChannelStats],
    form: Form = "paper",
    norm: float = 2.0,
    eps: Sequence[float] | None = None,
) -> Float[Tensor, ""]:
    """Distance between batch statistics and reference statistics.

    ``paper``: norm of the difference of the means plus norm of the difference of the variances, added over layers.
    It grows with the number and scale of the channels and with the number of layers, so its weight must be found anew
    for each network. The other two are without units, and means over channels and layers, so that one weight serves
    unlike networks:
    ``standardized``: ``|mean - mean_ref| / std_ref + |log(var / var_ref)|``.
    ``kl``: ``KL(batch, reference) + KL(reference, batch)`` of normal distributions; it grows with the square of a small
    difference, and so asks more of channels that are far off.

    Args:
        batch: one entry a layer.
        reference: one entry a layer, same channel counts.
        form: see above.
        norm: the p of the ``paper`` p-norms.
        eps: one entry a layer, what it adds to a variance before it divides: below it, differences do not reach the
            network. Those below 1e-5, and all when not given, count as 1e-5. ``paper`` has no use for it.

    Raises:
        ValueError: they differ in their number of layers, or there is none.

    Source: Chawla et al., WACV 2021, eq. 5 (``paper``); Kullback and Leibler, 1951, eq. 2.5 (``kl``).
    """
    if len(batch) != len(reference) or not batch:
        raise ValueError(f"got statistics of {len(batch)} layers and references of {len(reference)}; need as many, > 0")
    # One long vector over all layers: a handful of kernels instead of a handful a layer.
    sizes = [len(m.mean) for m in batch]
    mean, var = (torch.cat([m[i] for m in batch]) for i in (0, 1))
    mean_ref, var_ref = (torch.cat([m[i] for m in reference]) for i in (0, 1))
    layer = torch.repeat_interleave(
        torch.arange(len(sizes), device=mean.device),
        torch.tensor(sizes).to(mean.device, non_blocking=True),
        output_size=sum(sizes),
    )

    def per_layer(values: Tensor) -> Tensor:
        return values.new_zeros(len(sizes)).index_add(0, layer, values)

    if form == "paper":
        pairs = ((mean, mean_ref), (var, var_ref))
        return torch.stack([_root(per_layer((a - b).abs().pow(norm)), norm).sum() for a, b in pairs]).sum()
    added = [_LEAST_EPS if eps is None else max(eps[i], _LEAST_EPS) for i in range(len(sizes))]
    floor = torch.tensor(added, dtype=var.dtype).to(var.device, non_blocking=True).index_select(0, layer)
    var, var_ref = var + floor, var_ref + floor
    if form == "standardized":
        difference = (mean - mean_ref).abs() / var_ref.sqrt() + (var / var_ref).log().abs()
    else:
        # The logarithms of both directions cancel, and v/r + r/v - 2 is written so that nothing else does.
        spread = (var - var_ref).square() / (var * var_ref)
        difference = 0.5 * ((mean - mean_ref).square() * (1 / var + 1 / var_ref) + spread)
    return (per_layer(difference) / per_layer(torch.ones_like(mean))).mean()


def _root(values: Tensor, degree: float) -> Tensor:
    """``values ** (1 / degree)`` with gradient 0 instead of infinity at 0."""
    zero = values == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, values).pow(1 / degree))
