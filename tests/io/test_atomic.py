"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from diode_pl.io.atomic import atomic_write, remove_remnants
from tests.data.batches import contents


def test_write_whole_makes_folders_and_replaces(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a/b/c.txt", b"one")
    atomic_write(tmp_path / "a/b/c.txt", b"two")
    assert contents(tmp_path) == {"a/b/c.txt": b"two"}


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail_half_way(self: Path, content: object) -> None:
        with self.open("wb") as file:
            file.write(b"hal")
        raise OSError("disk full")

    atomic_write(tmp_path / "some.txt", b"whole")
    monkeypatch.setattr(Path, step, fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        atomic_write(tmp_path / "some.txt", b"other")
    assert contents(tmp_path) == {"some.txt": b"whole"}


def test_what_a_process_that_is_gone_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [f"some.png.{os.getpid()}.part", ".notes.part", "other.part"]
    for name in (".some.png.99999999.part", f".{kept[0]}", *kept[1:]):
        (tmp_path / name).write_bytes(b"hal")
    remove_remnants(tmp_path)
    assert set(contents(tmp_path)) == {f".{kept[0]}", *kept[1:]}
