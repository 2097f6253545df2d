"""Which process of which host wrote something, and whether it is known to be gone."""

import os
import re
import socket
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PATTERN = re.compile(r"(?P<host>[\w-]+)_(?P<pid>\d{1,10})_(?P<start>\d*)")


@dataclass(frozen=True)
class ProcessId:
    """A process on any of the hosts that share a folder; its text is part of file names.

    A host is told apart by its name and by what two hosts of one name do not share: the number of its boot, and the
    namespace of its process numbers, which is another in each container.

    Args:
        host: name of the host, and a number as above.
        pid: number of the process there.
        start: when the process began, in ticks since the boot; empty where the system does not tell. A number of a
            process is used again, with another start.

    Example:
        >>> me = ProcessId.current()
        >>> ProcessId.parse(str(me)) == me, me.is_gone
        (True, False)
    """

    host: str
    pid: int
    start: str = ""

    @classmethod
    def current(cls) -> "ProcessId":
        """The process that runs this."""
        return cls(_host(), os.getpid(), (_read_state(os.getpid()) or ("", ""))[1])

    @classmethod
    def parse(cls, text: str) -> "ProcessId | None":
        """The process that a text names, or None if it names none."""
        found = _PATTERN.fullmatch(text)
        return None if found is None else cls(found["host"], int(found["pid"]), found["start"])

    def __str__(self) -> str:
        return f"{self.host}_{self.pid}_{self.start}"

    @property
    def words(self) -> str:
        """As a person says it."""
        return f"process {self.pid} on {self.host.rpartition('-')[0]}"

    @property
    def is_here(self) -> bool:
        """Whether it runs, or ran, on this host."""
        return self.host == _host()

    @property
    def is_gone(self) -> bool:
        """Whether it is known to be gone, which cannot be told of a process on another host."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            pass
        state, start = _read_state(self.pid) or ("", "")
        # A zombie is a number that its parent has not asked about yet.
        return state in ("Z", "X") or bool(self.start and start and start != self.start)


def _read_state(pid: int) -> tuple[str, str] | None:
    """State and start of a process of this host, where Linux's ``/proc`` tells."""
    try:
        # The name in parentheses may hold spaces and parentheses of its own.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return None


@lru_cache
def _host() -> str:
    marks = []
    for read in (_read_boot, _read_namespace):
        try:
            marks.append(read())
        except OSError:
            continue  # not on Linux: the name alone
    name = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname())[:40] or "host"
    return f"{name}-{zlib.crc32(' '.join(marks).encode()):08x}"


def _read_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _read_namespace() -> str:
    return str(Path("/proc/self/ns/pid").stat().st_ino)
