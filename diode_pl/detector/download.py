"""Files that a detector needs: found on this machine, or downloaded once."""

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch

_TIMEOUT = 30.0  # seconds without a byte


class DownloadError(RuntimeError):
    """A required file is missing and cannot be downloaded, or has the wrong content."""


def download_file(
    file: str, folder: str, url: str, sha256: str | None = None, size: int | None = None, cache: Path | None = None
) -> Path:
    """Path of a file, which ``torch.hub`` downloads if it is not on this machine yet.

    Looked for in ``$DIODE_WEIGHTS/<folder>/``, then in the cache, where a download ends up. A download that is cut off
    leaves nothing behind and starts over the next time: ``torch.hub`` does not resume.

    Args:
        file: name of the file.
        folder: name of the folder it lies in.
        url: where to get it.
        sha256: checksum in hexadecimal, or its first digits; None if unknown.
        size: length in bytes; None if unknown.
        cache: folder of downloads; None takes ``$DIODE_CACHE/<folder>/``, by default ``~/.cache/diode_pl/<folder>/``.

    Raises:
        DownloadError: DIODE_WEIGHTS is not a folder, the download failed, or the file does not have the checksum or
            size; the message says what to put where.
    """
    path = _own_file(file, folder) or (cache or _cache() / folder) / file
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _one_process(path), _socket_timeout():
                if not path.is_file():  # another process may have been faster
                    _download(url, path, sha256, size)
                    return path
        except (OSError, HTTPException, RuntimeError, ValueError) as error:
            raise DownloadError(
                f"cannot download {file} from {url}: {error}. Try again, or get the file by other means and put it at "
                f"{path} or $DIODE_WEIGHTS/{folder}/{file}"
            ) from error
    _check(path, url, sha256, size)
    return path


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _own_file(file: str, folder: str) -> Path | None:
    """``$DIODE_WEIGHTS/<folder>/<file>`` if it exists."""
    if not (own := os.environ.get("DIODE_WEIGHTS")):
        return None
    if not Path(own).expanduser().is_dir():
        raise DownloadError(f"DIODE_WEIGHTS={own} is not a folder: set it to one, or unset it")
    path = Path(own).expanduser() / folder / file
    return path if path.is_file() else None


def _cache() -> Path:
    if own := os.environ.get("DIODE_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "diode_pl"


def _download(url: str, path: Path, sha256: str | None, size: int | None) -> None:
    part = path.with_name(path.name + ".part")
    # Checks the checksum before it renames, but knows no length: a connection that breaks looks like the end.
    torch.hub.download_url_to_file(url, str(part), sha256 and sha256.lower(), progress=sys.stderr.isatty())
    if size is not None and (received := part.stat().st_size) != size:
        part.unlink()
        raise OSError(f"received {received} bytes, expected {size}")
    part.replace(path)


def _check(path: Path, url: str, sha256: str | None, size: int | None) -> None:
    if size is not None and (found := path.stat().st_size) != size:
        fault = f"has {found} bytes, expected {size}"
    elif sha256 is not None and not (digest := sha256_of(path)).startswith(sha256.lower()):
        fault = f"has sha256 {digest}, expected {sha256}"
    else:
        return
    raise DownloadError(f"{path} {fault}: replace it by {url}, or remove it to have it downloaded")


@contextmanager
def _socket_timeout() -> Iterator[None]:
    """Makes a silent server an error; ``torch.hub`` sets no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Lets one process at a time download a file: the ranks of a run all ask for it at once."""
    try:
        import fcntl
    except ImportError:  # not a Unix: ranks on one machine may download the file more than once
        yield
        return
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
