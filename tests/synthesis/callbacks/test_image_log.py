"""Pictures to the loggers that show pictures."""

from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from diode_pl.synthesis.callbacks import ImageLog
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent


def test_the_images_of_each_stage_are_one_picture(tmp_path: Path) -> None:
    pictures, numbers = TensorBoardLogger(tmp_path, "pictures"), CSVLogger(tmp_path, "numbers")
    stages = [Stage(32, 2, sign_descent), Stage(64, 1, sign_descent)]
    fit(inversion(tmp_path, stages), ImageLog(limit=1), loggers=(pictures, numbers))
    shown = EventAccumulator(pictures.log_dir)
    shown.Reload()
    assert shown.Tags()["images"] == ["images/stage0", "images/stage1"]
    (first,), (second,) = map(shown.Images, shown.Tags()["images"])
    assert second.height - first.height == 64 - 32


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be .*1.*, got 0"):
        ImageLog(limit=0)
