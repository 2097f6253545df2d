"""Ids that runs of one folder share."""

import re
from pathlib import Path

from diode_pl.dashboard.run_id import RunId


def take(path: Path) -> str:
    run = RunId(path)
    known = run.take()
    run.release()
    return known


def test_a_folder_keeps_its_id_and_another_has_its_own(tmp_path: Path) -> None:
    first = take(tmp_path / "wandb" / "train.id")
    assert re.fullmatch("[0-9a-z]{8}", first) and take(tmp_path / "wandb" / "train.id") == first
    assert take(tmp_path / "wandb" / "evaluate.id") != first
    assert [path.name for path in (tmp_path / "wandb").glob("train.*")] == ["train.id"]


def test_those_who_write_at_the_same_time_have_an_id_each(tmp_path: Path) -> None:
    one, other = RunId(tmp_path / "a.id"), RunId(tmp_path / "a.id")
    assert one.take() != other.take()
    other.release()
    assert RunId(tmp_path / "a.id").take() != one.path.read_text()  # still held by the first
    one.release()


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "a.id").write_text("../elsewhere")
    assert re.fullmatch("[0-9a-z]{8}", take(tmp_path / "a.id"))
    assert (tmp_path / "a.id").read_text() == take(tmp_path / "a.id")
