"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from diode_pl.io.atomic import atomic_write
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
