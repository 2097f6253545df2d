import pytest
import torch

from diode_pl.augmentations import ContrastStretch
from tests.augmentations.painting import seeded
from tests.tiny import no_boxes


def test_contrast_changes_and_the_mean_stays() -> None:
    images = torch.rand(500, 3, 8, 8)
    changed, _ = ContrastStretch((0.5, 2.0))(images, no_boxes(500), seeded())
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)))
    factors = changed.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert 0.5 <= factors.min() < 0.52 and 1.95 < factors.max() <= 2.001
    assert factors.log().mean() == pytest.approx(0, abs=0.1), "as often half as twice"


def test_an_image_of_one_color_and_a_factor_of_one_change_nothing() -> None:
    gray = torch.full((2, 3, 4, 4), 0.3)
    torch.testing.assert_close(ContrastStretch()(gray, no_boxes(2), seeded())[0], gray)
    images = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(ContrastStretch((1.0, 1.0))(images, no_boxes(2), seeded())[0], images)


@pytest.mark.parametrize("factor", [(0.0, 1.0), (2.0, 1.0), (1.0,), (1.0, float("inf")), (-1.0, 1.0)])
def test_wrong_ranges(factor: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="factor must be two numbers > 0"):
        ContrastStretch(factor)
