"""Leases: one holder at a time, which may die."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from diode_pl.io import lease as module
from diode_pl.io.lease import Lease
from diode_pl.io.process_id import ProcessId
from tests.io.process_ids import elsewhere, gone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.lock"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A minute lasts half a second."""
    monkeypatch.setattr(module, "EXPIRY", 0.5)
    monkeypatch.setattr(module, "BEAT", 0.1)
    yield


def taken_within(lease: Lease, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (taken := lease.take()) and time.monotonic() < end:
        time.sleep(0.05)
    return taken


def test_one_holds_it_and_the_next_takes_it_when_it_is_given_back(path: Path) -> None:
    first, second = Lease(path), Lease(path)
    assert first.take() and first.take() and not second.take()
    assert second.holder == ProcessId.current() and not second.is_free
    second.release()  # of nothing
    assert not second.take()
    first.release()
    assert list(path.parent.iterdir()) == [] and second.is_free and second.holder is None
    assert second.take()
    second.release()


def test_the_lease_of_a_process_that_was_killed_is_taken_over_at_once(path: Path) -> None:
    path.write_text(f"{gone()} 0\n")
    lease = Lease(path)
    assert lease.take() and lease.holder == ProcessId.current()
    lease.release()


def test_the_lease_of_a_running_process_stays_though_it_gives_no_sign(path: Path) -> None:
    path.write_text(f"{ProcessId.current()} 0\n")
    assert not taken_within(Lease(path), 0.8)


@pytest.mark.parametrize("content", [f"{elsewhere()} 0\n", "", "cut"], ids=["another host", "empty", "cut"])
def test_one_that_gives_no_sign_of_life_is_taken_over_after_a_while(path: Path, content: str) -> None:
    path.write_text(content)
    lease = Lease(path)
    assert not lease.take() and not taken_within(lease, 0.3)
    assert taken_within(lease, 2)
    lease.release()


def test_one_that_gives_signs_of_life_stays(path: Path) -> None:
    path.write_text(f"{elsewhere()} 0\n")
    lease, end = Lease(path), time.monotonic() + 1
    while time.monotonic() < end:
        os.utime(path)
        assert not lease.take()
        time.sleep(0.05)


def test_a_process_on_another_host_is_watched(path: Path) -> None:
    path.write_text(f"{elsewhere()} 0\n")
    lease = Lease(path)
    beats = Timer(0.2, lambda: os.utime(path))
    beats.start()
    began = time.monotonic()
    assert not lease.take_or_watch() and time.monotonic() - began < 0.45  # it gave a sign of life
    beats.join()
    assert lease.take_or_watch()  # and no further one
    lease.release()
    path.write_text(f"{ProcessId.current()} 0\n")
    began = time.monotonic()
    assert not lease.take_or_watch() and time.monotonic() - began < 0.2  # known to be running


def test_the_holder_gives_signs_of_life_and_notices_that_it_lost(path: Path) -> None:
    lease = Lease(path)
    assert lease.take()
    first = path.stat().st_mtime_ns
    time.sleep(0.4)
    assert path.stat().st_mtime_ns > first and not lease.lost
    path.write_text(f"{elsewhere()} 0\n")
    time.sleep(0.5)
    assert lease.lost
    lease.release()
    assert path.exists(), "what another process holds now stays"


def test_a_fresh_lease_that_was_taken_for_a_stale_one_is_put_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(f"{gone()} 0\n")
    other = f"{elsewhere()} 0\n"

    def fast(self: Path, target: Path) -> Path:
        path.write_text(other)  # another process was faster
        return real(self, target)

    real = Path.rename
    monkeypatch.setattr(Path, "rename", fast)
    assert not Lease(path).take()
    assert path.read_text() == other and len(list(path.parent.iterdir())) == 1


def test_file_systems_without_links_serve_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    first, second = Lease(path), Lease(path)
    assert first.take() and not second.take() and len(list(path.parent.iterdir())) == 1
    first.release()
    assert second.take()
    second.release()


def test_without_its_folder_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Lease(tmp_path / "gone" / "one.lock").take()


def test_a_process_gives_all_back_when_it_ends(path: Path) -> None:
    code = f"from pathlib import Path; from diode_pl.io.lease import Lease; print(Lease(Path({str(path)!r})).take())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "True\n" and not path.exists()


def test_many_processes_hold_it_one_after_the_other(path: Path) -> None:
    """Each adds one to a number in a file, which two at once would spoil."""
    (path.parent / "number").write_text("0")
    code = f"""
import time; from pathlib import Path; from diode_pl.io.lease import Lease
path, lease = Path({str(path)!r}), Lease(Path({str(path)!r})); number = path.with_name("number")
for _ in range(20):
    while not lease.take(): time.sleep(0.001)
    value = int(number.read_text()); time.sleep(0.001); number.write_text(str(value + 1)); lease.release()
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (path.parent / "number").read_text() == "60"
