"""Download of weights, with a cache."""

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
    """Returns the path of a file in ``$DIODE_WEIGHTS/<folder>/`` or the cache, to which it is downloaded if necessary.

    An interrupted download starts over: ``torch.hub`` does not resume.

    Args:
        file, folder: names of the file and its folder.
        url: source of the download.
        sha256: checksum in hexadecimal, or its first digits; None if unknown.
        size: in bytes; None if unknown.
        cache: folder of downloads; ``$DIODE_CACHE/<folder>/`` or ``~/.cache/diode_pl/<folder>/`` by default.

    Raises:
        DownloadError: if DIODE_WEIGHTS is not a folder, the download fails, or checksum or size do not match.
    """
    path = _provided_file(file, folder) or (cache or _cache() / folder) / file
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _one_process(path), _socket_timeout():
                if not path.is_file():  # another process may have downloaded it
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


def _provided_file(file: str, folder: str) -> Path | None:
    if not (weights := os.environ.get("DIODE_WEIGHTS")):
        return None
    if not Path(weights).expanduser().is_dir():
        raise DownloadError(f"DIODE_WEIGHTS={weights} is not a folder: set it to one, or unset it")
    path = Path(weights).expanduser() / folder / file
    return path if path.is_file() else None


def _cache() -> Path:
    if cache := os.environ.get("DIODE_CACHE"):
        return Path(cache).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "diode_pl"


def _download(url: str, path: Path, sha256: str | None, size: int | None) -> None:
    part = path.with_name(path.name + ".part")
    # Checks the checksum but not the length: a broken connection looks like the end of the file.
    torch.hub.download_url_to_file(url, str(part), sha256 and sha256.lower(), progress=sys.stderr.isatty())
    if size is not None and (received := part.stat().st_size) != size:
        part.unlink()
        raise OSError(f"received {received} bytes, expected {size}")
    part.replace(path)


def _check(path: Path, url: str, sha256: str | None, size: int | None) -> None:
    fault = None
    if size is not None and (actual := path.stat().st_size) != size:
        fault = f"has {actual} bytes, expected {size}"
    elif sha256 is not None and not (digest := sha256_of(path)).startswith(sha256.lower()):
        fault = f"has sha256 {digest}, expected {sha256}"
    if fault:
        raise DownloadError(f"{path} {fault}: replace it by {url}, or remove it to have it downloaded")


@contextmanager
def _socket_timeout() -> Iterator[None]:
    """Sets a timeout for a server that stops responding; ``torch.hub`` sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Lets one process at a time download a file, as all ranks of a run request it at once."""
    try:
        import fcntl
    except ImportError:  # not Unix: ranks may download the file more than once
        yield
        return
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
