"""Files that a detector needs: found on this machine, or downloaded once."""

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tqdm import tqdm

_BLOCK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte


class DownloadError(RuntimeError):
    """A file that is neither here nor to be had, or is not what it should be."""


def download_file(file: str, folder: str, url: str, sha256: str | None = None, size: int | None = None) -> Path:
    """Path of a file, which is downloaded if it is not on this machine yet.

    Looked for in ``$DIODE_WEIGHTS/<folder>/``, then in the cache: ``$DIODE_CACHE/<folder>/``, by default
    ``~/.cache/diode_pl/<folder>/``, where a download ends up. One that was cut off goes on where it stopped.

    Args:
        file: name of the file.
        folder: name of the folder it lies in.
        url: where to get it.
        sha256: checksum in hexadecimal; None where none is known.
        size: length in bytes; None where it is not known.

    Raises:
        DownloadError: DIODE_WEIGHTS names no folder, the download failed, or the file does not have the checksum or
            size; says what to put where.
    """
    if given := find_file(file, folder):
        return _checked(given, url, sha256, size)
    path = _cache() / folder / file
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(path):
                if not path.is_file():  # another process may have been faster
                    part = path.with_name(path.name + ".part")
                    _download(url, part)
                    _check_part(part, url, sha256, size)
                    part.replace(path)
                    return path
        except (OSError, HTTPException, ValueError) as error:
            raise DownloadError(
                f"cannot download {file} from {url}: {error}. Try again (a download that was cut off goes on where it "
                f"stopped), or get the file by other means and put it at {path} or $DIODE_WEIGHTS/{folder}/{file}"
            ) from error
    return _checked(path, url, sha256, size)


def find_file(file: str, folder: str) -> Path | None:
    """``$DIODE_WEIGHTS/<folder>/<file>`` if there is one.

    Raises:
        DownloadError: DIODE_WEIGHTS names no folder.
    """
    if not (own := os.environ.get("DIODE_WEIGHTS")):
        return None
    if not Path(own).expanduser().is_dir():
        raise DownloadError(f"DIODE_WEIGHTS is set to {own}, which is no folder: set it to one, or unset it")
    path = Path(own).expanduser() / folder / file
    return path if path.is_file() else None


def _cache() -> Path:
    if own := os.environ.get("DIODE_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "diode_pl"


def _fault(path: Path, sha256: str | None, size: int | None) -> str | None:
    """What is wrong with a file, if anything."""
    if size is not None and path.stat().st_size != size:
        return f"has {path.stat().st_size} bytes, expected {size}"
    if sha256 is None:
        return None
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if found == sha256.lower() else f"has sha256 {found}, expected {sha256}"


def _checked(path: Path, url: str, sha256: str | None, size: int | None) -> Path:
    if fault := _fault(path, sha256, size):
        raise DownloadError(f"{path} {fault}: replace it by {url}, or remove it to have it downloaded")
    return path


def _check_part(part: Path, url: str, sha256: str | None, size: int | None) -> None:
    if fault := _fault(part, sha256, size):
        # Going on from wrong bytes would stay wrong.
        part.unlink()
        raise DownloadError(f"what {url} sent {fault}; it was removed. Put the right file at {part.with_suffix('')}")


def _download(url: str, part: Path) -> None:
    """Appends to ``part`` what is missing, or starts over where the server cannot do that."""
    start = part.stat().st_size if part.is_file() else 0
    # Some servers turn away urllib's own name.
    headers = {"User-Agent": "diode_pl"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return  # all of it had arrived, only the renaming was cut off
        part.unlink()
        return _download(url, part)
    with response:
        begin, total = _extent(response)
        if begin != start:
            start = 0
        with part.open("ab" if start else "wb") as stream:
            shown = tqdm(desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, disable=None)
            with shown:
                while block := response.read(_BLOCK):
                    stream.write(block)
                    shown.update(len(block))
    if total is not None and (received := part.stat().st_size) != total:
        raise OSError(f"the connection broke after {received} of {total} bytes")


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """The byte at which a response begins, and the length of the whole file where the server says it."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not found:
            raise ValueError("the server sent a part of the file and did not say which")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = response.headers.get("Content-Length")
    return 0, int(length) if length else None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one process at a time fetch a file: the ranks of a run all ask for it at once."""
    try:
        import fcntl
    except ImportError:  # not a Unix: ranks on one machine may fetch the file more than once
        yield
        return
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
