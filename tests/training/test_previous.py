"""Damaged checkpoints, and the whole ones that stand in for them."""

import logging
import os
from pathlib import Path

import pytest
import torch

from diode_pl.training import previous
from diode_pl.training.previous import forget_previous, keep_previous, previous_of, read_last_whole
from tests.training.run_folders import finish


def train(folder: Path, epochs: int = 3) -> Path:
    """A folder after some epochs, as a training leaves it when it is stopped."""
    path = folder / "student.ckpt"
    for epoch in range(1, epochs + 1):
        keep_previous(path)
        path.unlink(missing_ok=True)  # the other name stays
        finish(folder, epoch)
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Changes a bit of a tensor, which no reader of the format notices."""
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(2).numpy().tobytes())] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_the_one_before_a_damaged_one_takes_its_place(tmp_path: Path, damage, caplog) -> None:
    path = train(tmp_path)
    assert read_last_whole(path, "distillation").epochs == 3 and not caplog.messages
    damage(path)
    with caplog.at_level(logging.WARNING):
        assert read_last_whole(path, "distillation").epochs == 2
    (said,) = caplog.messages
    assert "student.ckpt" in said and "Going on from the last whole one, after 2 epochs" in said
    caplog.clear()
    assert read_last_whole(path, "distillation").epochs == 2 and not caplog.messages, "it took its place"
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*.part"))


def test_the_best_one_serves_if_the_one_before_is_damaged_too(tmp_path: Path) -> None:
    finish(tmp_path, 1)
    (tmp_path / "student.ckpt").rename(tmp_path / "best.ckpt")
    path = train(tmp_path)
    cut(path)
    cut(previous_of(path))
    assert read_last_whole(path, "distillation").epochs == 1


def test_without_a_whole_one_the_damage_is_said(tmp_path: Path) -> None:
    path = train(tmp_path, 1)
    cut(path)
    with pytest.raises(ValueError, match="student.ckpt is not a checkpoint of a training, or is damaged"):
        read_last_whole(path, "distillation")


def test_the_one_before_is_forgotten(tmp_path: Path) -> None:
    path = train(tmp_path)
    forget_previous(path)
    forget_previous(path)
    assert [each.name for each in tmp_path.iterdir()] == ["student.ckpt"]


def test_a_file_system_without_links_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(previous.os, "link", refuse)
    path = train(tmp_path, 2)
    assert os.stat(path).st_nlink == 1 and read_last_whole(previous_of(path), "distillation").epochs == 1
