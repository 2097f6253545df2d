import pytest
import torch

from diode_pl.distillation.losses.fkd.attention import attention_mask, channel_attention, spatial_attention
from tests.distillation.losses.fkd.maps import maps


@pytest.mark.parametrize("form", ["code", "paper"])
@pytest.mark.parametrize("temperature", [1e-3, 0.5, 1e9])
def test_masks_average_one_and_hold_no_gradient(form: str, temperature: float) -> None:
    student, teacher = maps((2, 3, 4, 5), (2, 3, 4, 5))
    student.requires_grad_()
    for attention in (spatial_attention, channel_attention):
        mask = attention_mask(attention(student), attention(teacher), temperature, form)
        assert mask.shape == attention(teacher).shape and not mask.requires_grad
        torch.testing.assert_close(mask.flatten(1).mean(dim=1), torch.ones(2))
        if temperature == 1e9:
            torch.testing.assert_close(mask, torch.ones_like(mask))


@pytest.mark.parametrize("form", ["code", "paper"])
def test_a_mask_is_large_where_the_map_is(form: str) -> None:
    looked = torch.tensor([[[0.0, 3.0], [0.0, 0.0]]])
    blank = torch.zeros(1, 2, 2)
    sharp, soft = (attention_mask(looked, blank, t, form) for t in (0.5, 5.0))
    assert sharp.flatten().argmax() == soft.flatten().argmax() == 1
    assert sharp[0, 0, 1] > soft[0, 0, 1] > 1
    assert torch.equal(attention_mask(None, blank, 0.5, form), torch.ones_like(blank))


def test_signed_means_cancel_where_absolute_ones_do_not() -> None:
    features = torch.tensor([[[[1.0, -1.0]], [[-1.0, 1.0]]]])
    assert not spatial_attention(features, absolute=False).any() and not channel_attention(features, False).any()
    assert (spatial_attention(features) == 1).all() and (channel_attention(features) == 1).all()
