import pickle

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from diode_pl.training.ema import WarmupEMA


def weight_of_the_past(average: WarmupEMA, steps: Tensor | int) -> float:
    return float(moved(average, torch.ones(1), torch.zeros(1), steps))


def moved(average: WarmupEMA, past: Tensor, newest: Tensor, steps: Tensor | int) -> Tensor:
    past = past.clone()
    average([past], [newest], steps)
    return past


@pytest.mark.parametrize(("steps", "kept"), [(0, 0.1), (1, 2 / 11), (8, 0.5), (89, 90 / 99), (10**6, 0.998)])
def test_how_much_is_kept(steps: int, kept: float) -> None:
    assert weight_of_the_past(WarmupEMA(0.998), steps) == pytest.approx(kept)
    assert weight_of_the_past(WarmupEMA(0.998), torch.tensor(steps)) == pytest.approx(kept)


def test_decay_zero_follows_the_newest() -> None:
    assert weight_of_the_past(WarmupEMA(0.0), 10**6) == 0


def test_the_beginning_is_soon_forgotten() -> None:
    """Weights that jump at step 3 and stay there: 20 steps later hardly anything of the first ones is left."""
    model = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(model, multi_avg_fn=WarmupEMA(0.998))
    for step in range(24):
        nn.init.constant_(model.weight, 100.0 if step < 3 else 1.0)
        averaged.update_parameters(model)
    assert averaged.module.weight.item() == pytest.approx(1, abs=0.1)


def test_in_the_long_run_it_is_the_exponential_average() -> None:
    average, value = WarmupEMA(0.9), torch.zeros(1, dtype=torch.float64)
    for step in range(1000, 1020):
        average([value], [torch.ones(1, dtype=torch.float64)], step)
    assert value.item() == pytest.approx(1 - 0.9**20)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_types_stay(dtype: torch.dtype) -> None:
    past = moved(WarmupEMA(), torch.ones(3, dtype=dtype), torch.zeros(3, dtype=dtype), 5)
    assert past.dtype == dtype and past.tolist() == pytest.approx([0.4] * 3, abs=0.01)


def test_counters_stay_counters_and_statistics_move() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    averaged = AveragedModel(model, multi_avg_fn=WarmupEMA(0.5), use_buffers=True)
    for _ in range(30):
        model(torch.randn(8, 3, 4, 4) + 5)
        averaged.update_parameters(model)
    norm, own = averaged.module[1], model[1]
    assert norm.num_batches_tracked.dtype == torch.long and 25 <= norm.num_batches_tracked <= 30
    torch.testing.assert_close(norm.running_mean, own.running_mean, atol=0.3, rtol=0.3)
    assert (norm.running_mean != own.running_mean).any() and norm.running_var.isfinite().all()


def test_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(WarmupEMA(0.7)))
    assert again.decay == 0.7 and weight_of_the_past(again, 10**6) == pytest.approx(0.7)


def test_lightning_takes_it(tmp_path) -> None:
    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def training_step(self, batch: Tensor) -> Tensor:
            return -self.weight.sum()  # with a rate of 1, the weight after step i is i

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 1.0)

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    module, average = Module(), WarmupEMA(0.998)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        enable_checkpointing=False,
        callbacks=[WeightAveraging(multi_avg_fn=average)],
        **quiet,
    )
    trainer.fit(module, torch.utils.data.DataLoader(torch.zeros(6, 1), batch_size=1))
    expected = torch.ones(1)  # the first weights that it sees are taken as they are
    for steps in range(1, 6):
        expected = moved(average, expected, torch.tensor([steps + 1.0]), steps)
    torch.testing.assert_close(module.weight.detach(), expected)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_bad_decay(decay: float) -> None:
    with pytest.raises(ValueError, match=r"^decay must be in \[0, 1\), got"):
        WarmupEMA(decay)
