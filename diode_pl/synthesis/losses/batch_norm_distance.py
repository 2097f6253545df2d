"""Distance between two sets of channel statistics."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import ChannelStats

Form = Literal["paper", "standardized", "kl"]
FORMS = get_args(Form)

_MIN_EPS = 1e-5  # without it, a variance of 0 makes the distance infinite


def batch_norm_distance(
    batch: Sequence[ChannelStats],
    reference: Sequence[ChannelStats],
    form: Form = "paper",
    norm: float = 2.0,
    eps: Sequence[float] | None = None,
    shares: Sequence[float] | None = None,
) -> Float[Tensor, ""]:
    """Distance between batch statistics and reference statistics.

    ``paper``: norm of the difference of the means plus norm of the difference of the variances, summed over layers.
    It depends on the number and scale of channels and layers, so each network needs its own weight. The other two are
    dimensionless means over channels and layers, so that one weight suits different networks:
    ``standardized``: ``|mean - mean_ref| / std_ref + |log(var / var_ref)|``.
    ``kl``: ``KL(batch, reference) + KL(reference, batch)`` of normal distributions, quadratic in small differences.

    Args:
        batch, reference: one entry per layer, with the same channel counts.
        form: ``paper``, ``standardized`` or ``kl``.
        norm: p of the p-norms; ``paper`` only.
        eps: one value per layer, which the layer adds to a variance before dividing, at least 1e-5 (the default); not
            used by ``paper``.
        shares: factor of each layer, > 0, in the sum or mean over layers; 1 by default.

    Raises:
        ValueError: if the numbers of layers differ or are 0.

    Source: Chawla et al., WACV 2021, eq. 5 (``paper``); Kullback and Leibler, 1951, eq. 2.5 (``kl``).
    """
    if len(batch) != len(reference) or not batch:
        raise ValueError(f"batch and reference: need equally many layers, > 0, got {len(batch)} and {len(reference)}")
    # One long vector over all layers: a few kernels instead of a few per layer.
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

    factor = None if shares is None else torch.tensor(shares, dtype=mean.dtype).to(mean.device, non_blocking=True)

    if form == "paper":
        pairs = ((mean, mean_ref), (var, var_ref))
        roots = torch.stack([_root(per_layer((a - b).abs().pow(norm)), norm) for a, b in pairs])
        return (roots.sum(dim=1) if factor is None else (factor * roots).sum(dim=1)).sum()
    offsets = [_MIN_EPS if eps is None else max(eps[i], _MIN_EPS) for i in range(len(sizes))]
    floor = torch.tensor(offsets, dtype=var.dtype).to(var.device, non_blocking=True).index_select(0, layer)
    var, var_ref = var + floor, var_ref + floor
    if form == "standardized":
        difference = (mean - mean_ref).abs() / var_ref.sqrt() + (var / var_ref).log().abs()
    else:
        # The logarithms of both directions cancel; v/r + r/v - 2 is written without cancellation.
        spread = (var - var_ref).square() / (var * var_ref)
        difference = 0.5 * ((mean - mean_ref).square() * (1 / var + 1 / var_ref) + spread)
    means = per_layer(difference) / per_layer(torch.ones_like(mean))
    return means.mean() if factor is None else (factor * means).sum() / factor.sum()


def layer_distances(
    batch: Sequence[ChannelStats], reference: Sequence[ChannelStats], eps: Sequence[float]
) -> Float[Tensor, " layers"]:
    """The standardized :func:`batch_norm_distance` of each layer by itself; arguments as there."""
    layers = zip(batch, reference, eps, strict=True)
    return torch.stack([batch_norm_distance([a], [b], "standardized", eps=[e]) for a, b, e in layers])


def _root(values: Tensor, degree: float) -> Tensor:
    """``values ** (1 / degree)``, with gradient 0 instead of infinity at 0."""
    zero = values == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, values).pow(1 / degree))
