"""Distances channel by channel."""

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.distillation.losses.block_features.distance import direct_distance, inverse_std


def test_the_unit_is_the_running_standard_deviation() -> None:
    layer = nn.BatchNorm2d(2, eps=0.25)
    layer.running_var.copy_(torch.tensor([0.75, 15.75]))
    torch.testing.assert_close(inverse_std(layer), torch.tensor([1.0, 0.25]))
    student, teacher = torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 2.0]).view(1, 2, 1, 1)
    # 3 deviations count 2.5, half of one counts an eighth.
    assert float(direct_distance(layer, student, teacher)) == pytest.approx((2.5 + 0.125) / 2)


def test_a_frozen_norm_without_variance_and_epsilon_divides_by_the_usual_epsilon() -> None:
    layer = FrozenBatchNorm2d(4, eps=1e-20)
    layer.running_var.zero_()
    torch.testing.assert_close(inverse_std(layer), torch.full((4,), 1e-5**-0.5))
