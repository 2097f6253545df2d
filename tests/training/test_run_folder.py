"""The folder of a training: what it keeps, and whom it lets in."""

import json
from pathlib import Path

import pytest
import torch

from diode_pl.training.run_folder import RunFolder
from tests.io.process_ids import gone
from tests.training.run_folders import finish
from tests.training_run import run as train

SETTINGS = {"seed": 0, "train": {"limit": None}, "data": {"mosaic": 1.0}, "names": ["cat", "dog"]}


def test_a_new_folder_is_made_and_keeps_the_settings(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "a", SETTINGS)
    assert json.loads((tmp_path / "runs" / "a" / "configuration.json").read_text()) == SETTINGS
    assert run.read_checkpoint() is None


def test_the_same_settings_go_on(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS)
    finish(tmp_path, 3)
    run = RunFolder(str(tmp_path), SETTINGS | {"names": ("cat", "dog")})  # tuples and lists are one in JSON
    found = run.read_checkpoint()
    assert found is not None and found.path == tmp_path / "student.ckpt" and found.epochs == 3
    assert torch.equal(found.content["state_dict"]["weight"], torch.ones(2))


def test_other_settings_are_refused_by_name_and_leave_the_record(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS)
    finish(tmp_path, 1)
    other = SETTINGS | {"seed": 1, "data": {"mosaic": 0.5}}
    with pytest.raises(ValueError) as error:
        RunFolder(tmp_path, other)
    for line in ("data.mosaic: 1.0 there, 0.5 now", "seed: 0 there, 1 now", "choose another folder"):
        assert line in str(error.value)
    assert "limit" not in str(error.value)
    assert json.loads((tmp_path / "configuration.json").read_text()) == SETTINGS


def test_without_a_checkpoint_nothing_is_lost_by_other_settings(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS)
    RunFolder(tmp_path, SETTINGS | {"seed": 1})
    assert json.loads((tmp_path / "configuration.json").read_text())["seed"] == 1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".student.ckpt.{gone()}.part").write_bytes(b"half")
    RunFolder(tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["configuration.json"]


@pytest.mark.parametrize("key", ["train", "val"])
def test_nothing_is_written_among_the_images(tmp_path: Path, key: str) -> None:
    same_folder = tmp_path / "elsewhere" / ".."
    with pytest.raises(ValueError, match=rf"^folder and {key}\.root must differ"):
        train(tmp_path, settings={"train": None, key: {"root": str(same_folder)}})
    with pytest.raises(ValueError, match=rf"^folder and {key}\.sets\.ours\.root must differ"):
        train(tmp_path, settings={key: {"sets": {"more": None, "ours": {"root": str(same_folder)}}}})
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    train(tmp_path / "there", epochs=1)
    assert not list((tmp_path / "here").iterdir())
