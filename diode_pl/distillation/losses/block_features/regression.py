"""Distance between features of unlike layers: what a linear map of the student's leaves of the teacher's."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.distillation.losses.block_features.distance import inverse_std
from diode_pl.numerics.distributed import reduce_mean
from diode_pl.numerics.dtypes import at_least_float32


def regression_distance(
    layer: nn.Module, student: Float[Tensor, "n a h w"], teacher: Float[Tensor, "n b h w"], ridge: float
) -> Float[Tensor, ""]:
    """Mean smooth L1 (beta 1) between the teacher's features and the best linear prediction of them.

    A ridge regression maps the student's channels to the teacher's in each step, over all positions of the batch (of
    all processes), and is then held fixed: unlike a trained adapter it never lags behind the student. Channels may
    differ in number, order, sign and scale.

    Args:
        layer: the teacher's norm layer; its standard deviations are the units.
        student, teacher: inputs of norm layers, of the same height and width.
        ridge: damping of the regression, as a share of the variance of each of the student's channels, > 0.
    """
    own = _rows(at_least_float32(student))
    wanted = _rows(at_least_float32(teacher.detach())) * inverse_std(layer)
    with torch.no_grad():
        center, target = reduce_mean(own.mean(dim=0)), reduce_mean(wanted.mean(dim=0))
        variance = reduce_mean((own - center).square().mean(dim=0))
        factor = variance.clamp(min=torch.finfo(own.dtype).tiny).rsqrt()
        scaled = (own - center) * factor
        covariance = reduce_mean(scaled.T @ scaled / len(own)) + ridge * torch.eye(own.shape[1], device=own.device)
        shared = reduce_mean(scaled.T @ (wanted - target) / len(own))
        weight = factor[:, None] * torch.linalg.solve_ex(covariance, shared).result  # solve() triggers a device sync
    return nn.functional.smooth_l1_loss((own - center) @ weight + target, wanted)


def _rows(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "m c"]:
    """One row per position."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)
