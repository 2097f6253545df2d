import pytest
import torch

from diode_pl.synthesis.schedule import Stage
from tests.detector.detectors import small


def stage(**changes) -> Stage:
    return Stage(**{"resolution": 160, "iterations": 2500, "optimizer": torch.optim.Adam} | changes)


@pytest.mark.parametrize(
    "changes",
    [{"resolution": 0}, {"iterations": 0}, {"final_lr": -0.1}, {"initial_lr": 0.0}, {"initial_lr": float("nan")}],
    ids=str,
)
def test_numbers_out_of_range_raise(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="^(resolution|iterations|initial_lr and final_lr) must be"):
        stage(**changes)


@pytest.mark.parametrize(("budget", "steps"), [(1.0, 2500), (0.1, 250), (2.0, 5000), (1e-9, 1)])
def test_budget_scales_iterations_down_to_one(budget: float, steps: int) -> None:
    assert stage().steps(budget) == steps


@pytest.mark.parametrize("final_lr", [0.0, 0.25, 1.0])
def test_learning_rate_falls_by_a_cosine_to_its_end(final_lr: float) -> None:
    part = stage(final_lr=final_lr)
    assert part.lr_factor(0.0) == 1
    assert part.lr_factor(0.5) == pytest.approx((1 + final_lr) / 2)
    assert part.lr_factor(1 / 3) == pytest.approx(final_lr + (1 - final_lr) * 0.75)
    assert part.lr_factor(1.0) == part.lr_factor(1.5) == pytest.approx(final_lr)


@pytest.mark.parametrize(("resolution", "nearest"), [(62, 64), (28, 32)])
def test_what_the_teacher_cannot_take_is_refused(resolution: int, nearest: int) -> None:
    """Sides that are too short are multiples of its stride, too."""
    said = rf"resolution must .* of 4 px, at least 32 px, .* got {resolution} px; the nearest is {nearest}$"
    with pytest.raises(ValueError, match=said):
        stage(resolution=resolution).check("schedule.stages.1", small("ssd"))
    stage(resolution=nearest).check("schedule.stages.1", small("ssd"))
