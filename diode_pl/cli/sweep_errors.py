"""Errors of the jobs of a sweep, each of which is one line that names the job."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import IO, Any, cast

_OF_SWEEPS = "Error executing job with overrides: "  # what Hydra prints beside the error of a job


class JobError(Exception):
    """A job of a sweep failed, and has said so where it ran: the sweep goes on, and fails in the end.

    Args:
        message: of the error.
        shown_at: what :func:`identify_terminal` gives there, which may be in a process of another host.
    """

    def __init__(self, message: str, shown_at: tuple[int, int] | None = None) -> None:
        super().__init__(message, shown_at)  # all of them, for pickle
        self.message, self.shown_at = message, shown_at

    @property
    def was_shown_here(self) -> bool:
        """Whether the terminal of this process showed it; that of a job of a cluster appears where nobody looks."""
        return self.shown_at is not None and self.shown_at == identify_terminal()


def identify_terminal() -> tuple[int, int] | None:
    """Device and number of the file that errors of this process go to; None if there is none."""
    try:
        found = os.fstat(2)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Terminal:
    """Standard error without the line that Hydra prints beside the error of a job, which names the job as well."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith(_OF_SWEEPS) else int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def without_hydras_line() -> Iterator[None]:
    """Leaves out the line that Hydra prints beside the error of a job."""
    with redirect_stderr(cast(IO[str], _Terminal(sys.stderr))):
        yield
