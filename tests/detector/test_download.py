import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from diode_pl.detector import DownloadError, download, download_file

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT at every path; the path says how well.

    ``/missing``: 404; ``/cut``: the body ends half-way; ``/slow``: takes its time; ``/silent``: no length is given;
    ``/stuck``: nothing comes for a second; ``/endless``: it never ends.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        """Begin of every URL."""
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.path == "/missing":
            return self.send_error(404)
        time.sleep({"/slow": 0.3, "/stuck": 1.0}.get(self.path, 0))
        self.send_response(200)
        if self.path not in ("/silent", "/endless"):
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while self.path == "/endless":
                self.wfile.write(CONTENT)  # who asked may have given up
            self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/cut" else CONTENT)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DIODE_WEIGHTS", raising=False)
    monkeypatch.setenv("DIODE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_downloads_once(server: Server, cache: Path) -> None:
    for _ in range(2):
        path = download_file("a.bin", "some", f"{server.address}/fine", SHA256, len(CONTENT))
        assert path == cache / "some" / "a.bin" and path.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert [each.name for each in path.parent.iterdir()] == ["a.bin"]


def test_without_checksum_and_length(server: Server) -> None:
    assert download_file("a.bin", "some", f"{server.address}/silent").read_bytes() == CONTENT


def test_own_folder_comes_first(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own" / "some" / "a.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    monkeypatch.setenv("DIODE_WEIGHTS", str(tmp_path / "own"))
    assert download_file("a.bin", "some", f"{server.address}/fine", SHA256) == own
    assert not server.requests
    other = download_file("b.bin", "some", f"{server.address}/fine", SHA256)
    assert other.parent == tmp_path / "cache" / "some", "what the own folder lacks is downloaded, but not into it"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"XDG_CACHE_HOME": "xdg"}, "xdg/diode_pl"), ({}, "home/.cache/diode_pl"), ({"DIODE_CACHE": "mine"}, "mine")],
)
def test_where_the_cache_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DIODE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    assert download_file("a.bin", "some", f"{server.address}/fine") == tmp_path / expected / "some" / "a.bin"


@pytest.mark.parametrize("place", ["cache", "own"])
@pytest.mark.parametrize(("content", "fault"), [(b"other", "sha256 .*, expected " + SHA256), (b"", "has 0 bytes")])
def test_a_file_that_is_here_and_wrong(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, content: bytes, fault: str
) -> None:
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("DIODE_WEIGHTS", str(tmp_path / "own"))
    path, size = tmp_path / place / "some" / "a.bin", None if content else 5
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(DownloadError, match=rf"^{path} .*{fault}.*replace it by {server.address}/fine"):
        download_file("a.bin", "some", f"{server.address}/fine", SHA256, size)
    assert path.read_bytes() == content and not server.requests


def wanted(server: Server, path: str, cache: Path) -> str:
    """What every failed download says: what, from where, and where to put it."""
    return rf"cannot download a.bin from {server.address}{path}: .*{cache}/some/a.bin or \$DIODE_WEIGHTS/some/a.bin"


def test_not_found(server: Server, cache: Path) -> None:
    with pytest.raises(DownloadError, match=wanted(server, "/missing", cache)) as error:
        download_file("a.bin", "some", f"{server.address}/missing", SHA256)
    error.match("404")
    assert not (cache / "some" / "a.bin").exists()


def test_no_network(cache: Path) -> None:
    with pytest.raises(DownloadError, match=rf"http://127.0.0.1:9/a: .*refused.*{cache}/some/a.bin"):
        download_file("a.bin", "some", "http://127.0.0.1:9/a", SHA256)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DIODE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"cannot download a.bin .*\$DIODE_WEIGHTS/some/a.bin"):
        download_file("a.bin", "some", "http://127.0.0.1:9/a")


@pytest.mark.parametrize("options", [{"sha256": SHA256}, {"size": len(CONTENT)}])
def test_a_download_that_was_cut_off_leaves_nothing_and_can_be_tried_again(
    server: Server, cache: Path, options: dict
) -> None:
    with pytest.raises(DownloadError, match=wanted(server, "/cut", cache)):
        download_file("a.bin", "some", f"{server.address}/cut", **options)
    assert not cache.exists(), "nothing is left behind"
    assert download_file("a.bin", "some", f"{server.address}/fine", **options).read_bytes() == CONTENT


@pytest.mark.parametrize("options", [{"sha256": "0" * 64}, {"size": 7}])
def test_a_download_with_the_wrong_checksum_or_size(server: Server, cache: Path, options: dict) -> None:
    with pytest.raises(DownloadError, match=rf"(?s){wanted(server, '/fine', cache)}$") as error:
        download_file("a.bin", "some", f"{server.address}/fine", **options)
    error.match("expected")
    assert not cache.exists(), "nothing is left behind"


def test_a_server_that_never_ends_is_left_at_the_known_size(server: Server, cache: Path) -> None:
    with pytest.raises(DownloadError, match=wanted(server, "/endless", cache)) as error:
        download_file("a.bin", "some", f"{server.address}/endless", SHA256, len(CONTENT))
    error.match(f"more than the expected {len(CONTENT)} bytes")
    assert not cache.exists()


def test_other_files_of_the_folder_stay(server: Server, cache: Path) -> None:
    other = cache / "some" / "b.bin"
    other.parent.mkdir(parents=True)
    other.touch()
    with pytest.raises(DownloadError):
        download_file("a.bin", "some", f"{server.address}/missing")
    assert [each.name for each in other.parent.iterdir()] == ["b.bin"]


def test_the_first_digits_of_a_checksum_serve(server: Server) -> None:
    for _ in range(2):
        assert download_file("a.bin", "some", f"{server.address}/fine", SHA256[:8].upper()).read_bytes() == CONTENT


def test_a_server_that_says_nothing(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", 0.1)
    with pytest.raises(DownloadError, match=wanted(server, "/stuck", cache)) as error:
        download_file("a.bin", "some", f"{server.address}/stuck", SHA256)
    error.match("timed out")


def test_two_at_once_download_once(server: Server, cache: Path) -> None:
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(download_file("a.bin", "some", f"{server.address}/slow", SHA256)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cache / "some" / "a.bin"] * 3 and len(server.requests) == 1
