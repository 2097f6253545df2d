import pytest
import torch
import torch.nn.functional as F

from diode_pl.distillation.losses.fkd.adapters import MapAdapter, resized
from tests.distillation.losses.fkd.maps import maps


def test_maps_of_the_same_size_stay_as_they_are() -> None:
    (x,) = maps((2, 3, 4, 5))
    assert resized(x, torch.zeros(4, 5)) is x


@pytest.mark.parametrize("size", [(8, 10), (2, 3)])
def test_others_are_interpolated_between_cell_centers(size: tuple[int, int]) -> None:
    ramp = torch.linspace(0, 1, 101)[None, None, None].expand(1, 1, 4, 101)
    x, (h, w) = F.avg_pool2d(ramp, (1, 10), (1, 10)), size
    found = resized(x, torch.zeros(7, h, w))
    assert found.shape == (1, 1, h, w)
    centers = (torch.arange(w) + 0.5) / w
    inside = (centers > 0.05) & (centers < 0.95)
    torch.testing.assert_close(found[0, 0, 0][inside], 0.1 * (centers * 10 - 0.05)[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [1, 3])
def test_channels_and_size_become_the_teachers(side: int) -> None:
    adapter, (x, teacher) = MapAdapter(3, 5, side), maps((2, 3, 4, 4), (2, 5, 8, 6))
    assert adapter(x).shape == (2, 5, 4, 4)
    found = adapter.fit(x, teacher)
    torch.testing.assert_close(found, F.interpolate(adapter(x), (8, 6), mode="bilinear"))
