"""Output folders that one command at a time writes to."""

from pathlib import Path

from diode_pl.io.lease import Lease


class FolderLock:
    """Locks an output folder for one command, as a context manager; processes that make one set together do not.

    Those have leases ``.team/*.member`` in the folder, see :class:`~diode_pl.data.synthetic.Team`, and ask with
    :func:`require_unlocked`. Both write what they have before they look at the other, so that no two go on.

    Args:
        folder: created if it does not exist.
        does: what the command does, for the message of others: ``trains``.

    Raises:
        ValueError: when it is entered, if another process has the lock or makes a set in the folder.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with FolderLock(folder) as lock:
        ...     lock.path.name
        '.lock'
        >>> require_unlocked(folder)
    """

    def __init__(self, folder: Path, does: str = "works") -> None:
        self.folder, self._does = folder, does
        self._lock = Lease(folder / ".lock")

    @property
    def path(self) -> Path:
        """The file, which is there while the folder is locked."""
        return self._lock.path

    def __enter__(self) -> "FolderLock":
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.take_or_watch():
            raise _refuse(self.folder, self._lock, self._does)
        for path in sorted(self.folder.glob(".team/*.member")):
            member = Lease(path)
            if not member.take_or_watch():
                self._lock.release()
                raise _refuse(self.folder, member, "makes images")
            member.release()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def require_unlocked(folder: Path) -> None:
    """Raises a ValueError if a command has locked the folder."""
    lock = Lease(folder / ".lock")
    if lock.path.exists():
        if not lock.take_or_watch():
            raise _refuse(folder, lock, "works")
        lock.release()


def _refuse(folder: Path, lease: Lease, does: str) -> ValueError:
    holder = lease.holder.words if lease.holder else "another process"
    return ValueError(f"folder: {holder} {does} in {folder}. Wait for its end, or choose another folder.")
