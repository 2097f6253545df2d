"""Tiled images as a data set."""

import logging
from pathlib import Path

import pytest

from diode_pl.data import DetectionData
from diode_pl.data.tiling import Fixed
from diode_pl.distillation.jobs import tile
from diode_pl.distillation.losses import Mimic
from diode_pl.distillation.module import Distillation
from tests.training_run import (
    VALIDATION,
    parts,
    shapes,
    some_data,
    tiny_detector,
    tiny_teacher,
)


@pytest.mark.parametrize("tiles", [1, 2])
def test_says_what_tiled_images_it_wrote(tmp_path: Path, caplog: pytest.LogCaptureFixture, tiles: int) -> None:
    caplog.set_level(logging.INFO)
    data = some_data()
    data.tiling = Fixed(tiles)
    tile(data, 3, tmp_path, {})
    said = [record.getMessage() for record in caplog.records if record.name == "diode_pl.distillation.jobs.tile"]
    assert said[-1].startswith(f"{tmp_path / 'images'}: 3 tiled images, ")
    assert caplog.messages[-1].startswith(
        f"{tmp_path}/contact_sheet.png shows the tiled images; next: python train.py "
    )
    assert caplog.messages[-1].endswith(f" train.root={tmp_path}") and (tmp_path / "contact_sheet.png").is_file()
    assert [message.startswith("tiling has no effect") for message in said] == [True, False][tiles - 1 :]


def test_nothing_is_made_without_training_images(tmp_path: Path) -> None:
    module, _, _ = parts()
    data = DetectionData(None, shapes("val", VALIDATION), Fixed(1), {})
    with pytest.raises(ValueError, match="^train: expected images to train on, got None; an evaluation"):
        Distillation(tiny_detector(), tiny_teacher(), {"mimic": Mimic()}, module.recipe, data)
    with pytest.raises(ValueError, match="^train: expected images to tile, got None"):
        tile(data, 5, tmp_path, {})
    with pytest.raises(ValueError, match="count must be >= 1, got 0"):
        tile(some_data(), 0, tmp_path, {})
