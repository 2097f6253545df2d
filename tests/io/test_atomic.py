"""Files that are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from diode_pl.io.atomic import atomic_write, open_atomic, remove_remnants
from diode_pl.io.process_id import ProcessId
from tests.data.batches import contents
from tests.io.process_ids import elsewhere, gone


def test_write_whole_makes_folders_and_replaces(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a/b/c.txt", b"one")
    atomic_write(tmp_path / "a/b/c.txt", b"two")
    assert contents(tmp_path) == {"a/b/c.txt": b"two"}


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    atomic_write(tmp_path / "some.txt", b"whole")
    if step == "replace":
        monkeypatch.setattr(Path, step, fail)
    with pytest.raises(OSError, match="disk full"), open_atomic(tmp_path / "some.txt") as file:
        file.write(b"hal")
        if step == "write":
            raise OSError("disk full")
    assert contents(tmp_path) == {"some.txt": b"whole"}


def test_a_synced_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "a.bin", list[tuple[bool, bool]]()

    def record(handle: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", record)
    atomic_write(path, b"new", sync=True)
    assert seen == [(False, False), (True, True)] and path.read_bytes() == b"new"
    seen.clear()
    atomic_write(path, b"other")
    assert not seen


def test_temporary_names_tell_hosts_and_processes_apart(tmp_path: Path) -> None:
    with open_atomic(tmp_path / "some.png"):
        (temporary,) = contents(tmp_path)
    assert temporary == f".some.png.{ProcessId.current()}.part"
    assert str(gone()) != str(ProcessId.current()) != str(elsewhere())


def test_what_a_process_that_is_gone_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [f".some.png.{ProcessId.current()}.part", f".some.png.{elsewhere()}.part"]
    kept += [".some.png.99999999.part", ".notes.part", f"some.png.{gone()}.part", "other.part"]
    (tmp_path / "images").mkdir()
    for name in (f".some.png.{gone()}.part", *kept):
        (tmp_path / "images" / name).write_bytes(b"hal")
    remove_remnants(tmp_path)
    assert {Path(name).name for name in contents(tmp_path)} == set(kept)
