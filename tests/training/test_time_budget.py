"""Trainings that take a given time."""

from pathlib import Path

import pytest

from diode_pl.training.time_budget import TimeBudget, parse_minutes
from tests.training_run import checkpoint, run

pytestmark = pytest.mark.usefixtures("quick_report")


@pytest.mark.parametrize(
    ("written", "minutes"), [("00:30:00", 30), ("1:00:00:00", 1440), ("00:00:45", 0.75), (0.5, 0.5), (30, 30)]
)
def test_times_are_minutes_or_hours_and_days(written: float | str, minutes: float) -> None:
    assert parse_minutes(written) == minutes


@pytest.mark.parametrize("written", [0, -1, True, "30", "00:75:00", "00:00:00", "half an hour", float("nan"), [30]])
@pytest.mark.usefixtures("unchecked")
def test_what_is_no_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="max_time must be minutes > 0, HH:MM:SS"):
        parse_minutes(written)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "epochs"), [([60.0], 10), ([60.0, 100.0], 8), ([700.0], 1), ([100.0] * 6, 6), ([150.0] * 6, 6)]
)
def test_as_many_epochs_as_fit(seconds: list[float], epochs: int) -> None:
    assert TimeBudget(minutes=10).epochs([{"seconds": each} for each in seconds]) == epochs


def test_a_training_fills_its_time_and_ends_at_the_final_learning_rate(tmp_path: Path) -> None:
    seconds = 6.0
    score, module = run(tmp_path, max_time=seconds / 60, check_val_every_n_epoch=1000)
    spent = sum(entry["seconds"] for entry in module.history)
    assert len(module.history) > 1 and 0.3 * seconds < spent < 3 * seconds  # other programs may take turns
    assert module.history[-1]["lr"] < 0.7 * max(entry["lr"] for entry in module.history)
    assert score is not None and "val/AP50" in module.history[-1]  # the last epoch is always validated
    assert sum("val/AP50" in entry for entry in module.history) == 1

    again, _ = run(tmp_path, max_time=seconds / 60, check_val_every_n_epoch=1000)  # finished
    assert again == score and len(checkpoint(tmp_path)["distillation"]["history"]) == len(module.history)
    run(tmp_path, max_time=3 * seconds / 60, check_val_every_n_epoch=1000)  # the time before counts
    longer = checkpoint(tmp_path)["distillation"]["history"]
    assert len(longer) > len(module.history)
    assert sum(entry["seconds"] for entry in longer) > spent


def test_an_epoch_longer_than_the_time_is_finished(tmp_path: Path) -> None:
    _, module = run(tmp_path, max_time="00:00:01", data={"steps_per_epoch": 40})
    assert len(module.history) == 1 and "val/AP50" in module.history[0]


def test_processes_stop_together(tmp_path: Path) -> None:
    run(tmp_path, max_time=0.1, devices=2)
    assert len(checkpoint(tmp_path)["distillation"]["history"]) > 1
