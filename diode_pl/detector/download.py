"""Download of weights, with a cache.

Written by hand: ``torch.hub`` reads whatever a server sends, without an end.
"""

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from diode_pl.io.atomic import open_atomic

_TIMEOUT = 30.0  # seconds without a byte
_PIECE = 2**16  # bytes


class DownloadError(RuntimeError):
    """A required file is missing and cannot be downloaded, or has the wrong content."""


def download_file(
    file: str, folder: str, url: str, sha256: str | None = None, size: int | None = None, cache: Path | None = None
) -> Path:
    """Returns the path of a file in ``$DIODE_WEIGHTS/<folder>/`` or the cache, to which it is downloaded if necessary.

    A download that is interrupted, or longer than ``size``, stops, leaves nothing behind and starts over the next time.

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
            with _made_folder(path.parent), _one_process(path):
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
    digest, received = hashlib.sha256(), 0
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"User-Agent": "diode_pl"}), timeout=_TIMEOUT
    ) as answer:
        stated = answer.headers.get("Content-Length", "")
        expected = size if size is not None else int(stated) if stated.isdecimal() else None
        bar = tqdm(total=expected, unit="B", unit_scale=True, desc=path.name, disable=None, leave=False)
        with open_atomic(path) as file, bar:
            while piece := answer.read(_PIECE):
                received += len(piece)
                if expected is not None and received > expected:
                    raise OSError(f"it sends more than the expected {expected} bytes")
                digest.update(piece)
                file.write(piece)
                bar.update(len(piece))
            # Inside: a file that is wrong never gets its name. A broken connection looks like the end of the file.
            if expected is not None and received != expected:
                raise OSError(f"received {received} bytes, expected {expected}")
            if sha256 is not None and not digest.hexdigest().startswith(sha256.lower()):
                raise OSError(f"received a file of sha256 {digest.hexdigest()}, expected {sha256}")


def _check(path: Path, url: str, sha256: str | None, size: int | None) -> None:
    fault = None
    if size is not None and (actual := path.stat().st_size) != size:
        fault = f"has {actual} bytes, expected {size}"
    elif sha256 is not None and not (digest := sha256_of(path)).startswith(sha256.lower()):
        fault = f"has sha256 {digest}, expected {sha256}"
    if fault:
        raise DownloadError(f"{path} {fault}: replace it by {url}, or remove it to have it downloaded")


@contextmanager
def _made_folder(folder: Path) -> Iterator[None]:
    """Makes a folder, and removes those that were made if nothing lies in them in the end."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # not empty
            for each in made:
                each.rmdir()


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Lets one process at a time download a file, as all ranks of a run request it at once."""
    try:
        import fcntl
    except ImportError:  # not Unix: ranks may download the file more than once
        yield
        return
    name = path.with_name(path.name + ".lock")
    with name.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:  # who waits for it finds the file; who comes later makes another lock
            name.unlink(missing_ok=True)
