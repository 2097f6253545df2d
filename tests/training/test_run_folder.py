"""The folder of a training: what it keeps, and whom it lets in."""

import json
import os
from pathlib import Path

import pytest
import torch

from diode_pl.training.run_folder import RunFolder
from tests.io.process_ids import gone
from tests.training.run_folders import finish
from tests.training_run import run as train

SETTINGS = {"seed": 0, "train": {"limit": None}, "data": {"mosaic": 1.0}, "names": ["cat", "dog"]}


def enter(folder: Path, settings: dict[str, object]) -> RunFolder:
    """The folder as a run finds it, which ends at once."""
    with RunFolder(str(folder), settings) as run:
        return run


def test_a_second_run_is_refused_by_host_and_process_while_the_first_one_lives(tmp_path: Path) -> None:
    with RunFolder(tmp_path, SETTINGS):
        with pytest.raises(ValueError, match=rf"^folder: process {os.getpid()} on .* trains in .*Wait for its end"):
            enter(tmp_path, SETTINGS)
        other = RunFolder(tmp_path, SETTINGS, is_main=False)
        with other:  # another process of the same run
            assert other.read_checkpoint() is None
        with pytest.raises(ValueError, match="trains in"):
            enter(tmp_path, SETTINGS | {"seed": 1})
        assert json.loads((tmp_path / "configuration.json").read_text()) == SETTINGS
    assert [path.name for path in tmp_path.iterdir()] == ["configuration.json"]
    (tmp_path / ".lock").write_text(f"{gone()} 0\n")  # killed
    enter(tmp_path, SETTINGS)


def test_a_new_folder_is_made_and_keeps_the_settings(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "runs" / "a", SETTINGS) as run:
        assert json.loads((tmp_path / "runs" / "a" / "configuration.json").read_text()) == SETTINGS
        assert run.read_checkpoint() is None


def test_the_same_settings_go_on(tmp_path: Path) -> None:
    enter(tmp_path, SETTINGS)
    finish(tmp_path, 3)
    found = enter(tmp_path, SETTINGS | {"names": ("cat", "dog")}).read_checkpoint()  # tuples and lists are one in JSON
    assert found is not None and found.path == tmp_path / "student.ckpt" and found.epochs == 3
    assert torch.equal(found.content["state_dict"]["weight"], torch.ones(2))


def test_other_settings_are_refused_by_name_and_leave_the_record(tmp_path: Path) -> None:
    enter(tmp_path, SETTINGS)
    finish(tmp_path, 1)
    other = SETTINGS | {"seed": 1, "data": {"mosaic": 0.5}}
    with pytest.raises(ValueError) as error:
        enter(tmp_path, other)
    for line in ("data.mosaic: 1.0 there, 0.5 now", "seed: 0 there, 1 now", "choose another folder"):
        assert line in str(error.value)
    assert "limit" not in str(error.value)
    assert json.loads((tmp_path / "configuration.json").read_text()) == SETTINGS


def test_without_a_checkpoint_nothing_is_lost_by_other_settings(tmp_path: Path) -> None:
    enter(tmp_path, SETTINGS)
    enter(tmp_path, SETTINGS | {"seed": 1})
    assert json.loads((tmp_path / "configuration.json").read_text())["seed"] == 1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".student.ckpt.{gone()}.part").write_bytes(b"half")
    enter(tmp_path, SETTINGS)
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
