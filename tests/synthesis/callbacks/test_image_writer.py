"""Finished batches go to disk; what they have seen is in the record."""

import json
from pathlib import Path

import torch

from diode_pl.data.synthetic import SyntheticSet
from diode_pl.io.images import read_image, to_uint8
from diode_pl.synthesis.callbacks import ImageWriter
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent


def test_each_batch_is_written_once_when_its_last_stage_ends(tmp_path: Path) -> None:
    stages = [Stage(32, 4, sign_descent), Stage(64, 2, sign_descent)]
    module = inversion(tmp_path, stages, num_images=3, seed=7)
    dataset = SyntheticSet(tmp_path / "set", module.teacher.class_names, {})
    record = fit(module, ImageWriter(dataset))
    assert dataset.find_missing({0: 2, 1: 1}) == []
    for number, last in ((0, record.ends[1]), (1, record.ends[3])):
        written = json.loads((tmp_path / "set" / "batches" / f"{number:06d}.json").read_text())
        assert written["stages"] == [{"resolution": 32, "iterations": 4}, {"resolution": 64, "iterations": 2}]
        assert written["seed"] == 7 and written["data_access"] == "teacher-only"
        for i, image in enumerate(last):
            file = tmp_path / "set" / "images" / f"{2 * number + i:08d}.png"
            assert torch.equal(to_uint8(read_image(file)), to_uint8(image))
