"""The id of a run on a dashboard's server, kept in the run's folder."""

import re
import secrets
from pathlib import Path

from diode_pl.io.atomic import atomic_write
from diode_pl.io.lease import Lease

_FORM = re.compile(r"[0-9a-z]{8}")


class RunId:
    """The id under which the runs of a folder are one run: the next one takes it up where the last one left it.

    A process that finds another one writing under it, as those that make one data set together, gets an id of its own.

    Args:
        path: of the file that keeps it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "synthesize.id")
        >>> first, second, later = RunId(path), RunId(path), RunId(path)
        >>> one, other = first.take(), second.take()
        >>> first.release(); second.release()
        >>> one == other, one == later.take()
        (False, True)
        >>> later.release()
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lease = path, Lease(path.with_suffix(".lock"))

    def take(self) -> str:
        """Returns the id, a new one if there is none or another process writes under it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = secrets.token_hex(4)
        if not self._lease.take():
            return new
        if self.path.is_file() and _FORM.fullmatch(known := self.path.read_text(encoding="utf-8").strip()):
            return known
        atomic_write(self.path, new.encode())
        return new

    def release(self) -> None:
        """Lets the next run have it."""
        self._lease.release()
