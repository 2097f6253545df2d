"""Finished batches go to disk; what they have seen is in the record."""

import json
import shutil
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.data.synthetic import Plan, SyntheticSet, Team
from diode_pl.io.images import read_image, to_uint8
from diode_pl.synthesis.callbacks import ImageWriter
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import Record, fit, inversion, sign_descent


def test_each_batch_is_written_once_when_its_last_stage_ends(tmp_path: Path) -> None:
    stages = [Stage(32, 4, sign_descent), Stage(64, 2, sign_descent)]
    module = inversion(tmp_path, stages, num_images=3, seed=7)
    dataset = SyntheticSet(tmp_path / "set", module.teacher.class_names, {})
    record = fit(module, ImageWriter(dataset, Team(dataset.folder)))
    assert dataset.find_missing(Plan(3, 2)) == []
    for number, last in ((0, record.ends[1]), (1, record.ends[3])):
        written = json.loads((tmp_path / "set" / "batches" / f"{number:06d}.json").read_text())
        assert written["stages"] == [{"resolution": 32, "iterations": 4}, {"resolution": 64, "iterations": 2}]
        assert written["seed"] == 7 and written["data_access"] == "teacher-only"
        for i, image in enumerate(last):
            file = tmp_path / "set" / "images" / f"{2 * number + i:08d}.png"
            assert torch.equal(to_uint8(read_image(file)), to_uint8(image))


def test_a_folder_that_vanishes_ends_the_run_before_the_batch_is_made(tmp_path: Path) -> None:
    class Vanish(pl.Callback):
        def on_train_batch_end(self, *_: object) -> None:
            shutil.rmtree(tmp_path / "set", ignore_errors=True)

    module = inversion(tmp_path, [Stage(32, 40, sign_descent)], num_images=3)
    dataset = SyntheticSet(tmp_path / "set", module.teacher.class_names, {})
    team, record = Team(dataset.folder), Record()
    writer = ImageWriter(dataset, team)
    with (
        team.joined(module.plan, dataset.class_names, {}),
        pytest.raises(FileNotFoundError, match="^folder: .*set has vanished while images were written to it"),
    ):
        fit(module, Vanish(), writer, record)
    assert len(record.totals) < 40 and not (tmp_path / "set").exists()


def test_the_line_of_the_best_batch_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module = inversion(tmp_path, [Stage(32, 1, sign_descent)], num_images=6)
    writer = ImageWriter(SyntheticSet(tmp_path / "set", module.teacher.class_names, {}), Team(tmp_path / "set"))
    caplog.set_level("INFO")
    for module.batch, score in enumerate((0.5, 0.25, 0.75)):
        module.scores, module.started = {"teacher_map50": 1.0, "verifier_map50": score}, 0.0
        writer._say(module)
    assert [line.count("(best so far)") for line in caplog.messages[-3:]] == [1, 0, 1]
