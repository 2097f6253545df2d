"""Output folders that one command at a time writes to."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from diode_pl.data.synthetic import Plan, Team
from diode_pl.io.folder_lock import FolderLock, require_unlocked
from diode_pl.prediction import predict_pictures
from diode_pl.training.run_folder import RunFolder
from tests.io.process_ids import gone
from tests.tiny_network import tiny_network

HERE = rf"^folder: process {os.getpid()} on .* in .*\. Wait for its end, or choose another folder\.$"


def joined(folder: Path) -> object:
    return Team(folder).joined(Plan(4, 2), ["mug"], {"seed": 0})


def trained(folder: Path) -> object:
    return RunFolder(folder, {"seed": 0})


@pytest.mark.parametrize(("first", "second"), [(joined, trained), (trained, joined), (trained, trained)])
def test_commands_of_another_kind_are_refused_and_leave_nothing(first, second, tmp_path: Path) -> None:
    with first(tmp_path):
        before = sorted(path.name for path in tmp_path.rglob("*"))
        with pytest.raises(ValueError, match=HERE), second(tmp_path):
            pass
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
    with second(tmp_path):
        pass
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("first", [joined, trained])
def test_predictions_are_not_written_where_another_command_works(first, tmp_path: Path) -> None:
    detector = tiny_network(tmp_path / "network")
    picture = tmp_path / "a.png"
    picture.write_bytes(b"no picture")
    with first(tmp_path / "runs"), pytest.raises(ValueError, match=HERE):
        predict_pictures(detector, "", picture, tmp_path / "runs", {}, resolution=32)
    with pytest.raises(ValueError, match="none of the 1 pictures"):
        predict_pictures(detector, "", picture, tmp_path / "runs", {}, resolution=32)


@pytest.mark.parametrize("name", [".lock", ".team/1.member"])
def test_what_a_process_that_is_gone_left_is_in_nobodys_way(name: str, tmp_path: Path) -> None:
    (tmp_path / ".team").mkdir()
    (tmp_path / name).write_text(f"{gone()} 0\n")
    with nullcontext() if name == ".lock" else FolderLock(tmp_path):
        pass
    require_unlocked(tmp_path)
    assert not (tmp_path / name).exists()
