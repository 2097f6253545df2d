"""Leases: files that say which process holds something, and that end with it, also on folders that hosts share.

Ours, because what is at hand does not hold there. The lease of ``filelock`` takes over what a dead process left by an
exchange of names that NFS and SMB refuse, and never a file that was cut before its first byte; locks of the system end
with a process, but do not reach other hosts everywhere. What we need is less than mutual exclusion: work that two
processes do by accident gives the same bytes.
"""

import atexit
import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from diode_pl.io.process_id import ProcessId

log = logging.getLogger(__name__)

EXPIRY = 60.0  # seconds without a sign of life after which a process on another host counts as gone
BEAT = 5.0  # seconds between two signs of life


class Lease:
    """A file that one process holds at a time and keeps fresh while it lives.

    That of a process which is known to be gone is taken over at once, that of one on another host after a minute
    without a sign of life, on the clock of the one who watches: two clocks need not agree.

    Args:
        path: of the file, in a folder that exists.

    Attributes:
        lost: whether the file was removed, or another process has taken it over; noticed with the next signs of life.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "one.lock")
        >>> first, second = Lease(path), Lease(path)
        >>> first.take(), second.take(), first.release(), second.take()
        (True, False, None, True)
        >>> second.release()
    """

    def __init__(self, path: Path) -> None:
        self.path, self.lost = path, False
        self._content: bytes | None = None  # while this process holds it
        self._seen: tuple[bytes, int] | None = None
        self._since, self._misses = 0.0, 0

    def take(self) -> bool:
        """Takes it if no process holds it, and says whether this one does now; asked again, it keeps watching.

        Raises:
            OSError: if the folder does not exist or cannot be written to.
        """
        if self._content is not None:
            return True
        content = f"{ProcessId.current()} {secrets.token_hex(8)}\n".encode()
        for _ in range(2):
            if self.path.exists() and not self._remove_stale():
                return False
            if _create(self.path, content):
                self._content, self.lost, self._misses = content, False, 0
                _Heart.keep(self)
                return True
        return False

    def take_or_watch(self) -> bool:
        """As :meth:`take`, of a process on another host after :meth:`watch`."""
        return self.take() or (self.watch() and self.take())

    def watch(self) -> bool:
        """Whether nobody holds it; of another host after its next sign of life, or the time without one."""
        holder, first = self.holder, self._look()
        if self.is_free or (holder is not None and holder.is_here):
            return self.is_free
        log.info("%s: waiting %.0f s for a sign of life of %s", self.path, EXPIRY, holder.words if holder else "a run")
        while self._look() == first and not self.is_free:
            time.sleep(BEAT / 5)
        return self.is_free

    def release(self) -> None:
        """Gives it back; without effect if this process does not hold it."""
        content, self._content = self._content, None
        _Heart.drop(self)
        # A process that was forked has a copy of the object, and holds nothing.
        if content is not None and _writer(content) == ProcessId.current() and self._look()[0] == content:
            self.path.unlink(missing_ok=True)

    @property
    def holder(self) -> ProcessId | None:
        """The process that the file names; None if there is none, or if it was cut."""
        return _writer(self._look()[0])

    @property
    def is_free(self) -> bool:
        """Whether nobody holds it, as far as is known after the looks so far."""
        content, changed = self._look()
        if changed is None:
            return True
        process = _writer(content)
        if process is not None and process.is_here:
            return process.is_gone
        if (content, changed) != self._seen:
            self._seen, self._since = (content, changed), time.monotonic()
        return time.monotonic() - self._since >= EXPIRY

    def beat(self) -> None:
        """Gives a sign of life."""
        content, changed = self._look()
        # A process that takes over by mistake puts the file back, so one miss is none.
        self._misses = 0 if changed is not None and content == self._content else self._misses + 1
        self.lost = self._misses > 1
        if not self._misses:
            os.utime(self.path)

    def _look(self) -> tuple[bytes, int | None]:
        """Content, and time of the last change or None if there is no file."""
        try:
            # Opened first: network file systems ask the server then, and not for the times of a file alone.
            with self.path.open("rb") as file:
                return file.read(1024), os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return b"", None

    def _remove_stale(self) -> bool:
        content, _ = self._look()
        if not self.is_free:
            return False
        aside = _temporary(self.path)
        with suppress(FileNotFoundError):
            self.path.rename(aside)
            if aside.read_bytes() != content:  # another process was faster, and this is its file
                with suppress(OSError):
                    os.link(aside, self.path)
            aside.unlink()
        return True


def _writer(content: bytes) -> ProcessId | None:
    return ProcessId.parse(content.decode(errors="replace").partition(" ")[0])


def _temporary(path: Path) -> Path:
    """A name of its own, of the kind that is cleared away after a process that was killed."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{ProcessId.current()}.part")


def _create(path: Path, content: bytes) -> bool:
    """Creates a file with its content in one step, unless it exists."""
    temporary = _temporary(path)
    try:
        temporary.write_bytes(content)
        os.link(temporary, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links: there the file is empty for a moment
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


class _Heart:
    """Gives signs of life for all leases of this process, from one thread."""

    held: set[Lease] = set()
    stop = Event()
    thread: Thread | None = None

    @classmethod
    def keep(cls, lease: Lease) -> None:
        cls.held.add(lease)
        if cls.thread is None or not cls.thread.is_alive():
            cls.stop = Event()
            cls.thread = Thread(target=cls._run, args=(cls.stop,), name="leases", daemon=True)
            cls.thread.start()

    @classmethod
    def drop(cls, lease: Lease) -> None:
        cls.held.discard(lease)
        if not cls.held:
            cls.stop.set()
            cls.thread = None

    @classmethod
    def _run(cls, stop: Event) -> None:
        while not stop.wait(BEAT):
            for lease in tuple(cls.held):
                with suppress(OSError):  # a network that fails for a moment
                    lease.beat()

    @classmethod
    def forget(cls) -> None:
        cls.held, cls.thread = set(), None


def _release_all() -> None:
    for lease in tuple(_Heart.held):
        with suppress(OSError):
            lease.release()


os.register_at_fork(after_in_child=_Heart.forget)
atexit.register(_release_all)
