import os
import socket
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from diode_pl.io import decoding
from diode_pl.io.decoding import is_readable, read_picture

TURN = Image.Transpose
# How the upright picture was turned before it was stored with each orientation.
STORED = {
    **{1: None, 2: TURN.FLIP_LEFT_RIGHT, 3: TURN.ROTATE_180, 4: TURN.FLIP_TOP_BOTTOM},
    **{5: TURN.TRANSPOSE, 6: TURN.ROTATE_90, 7: TURN.TRANSVERSE, 8: TURN.ROTATE_270},
}
LOSSLESS = {"png": {}, "tif": {}, "lzw.tif": {"compression": "tiff_lzw"}, "webp": {"lossless": True}, "jpg": {}}


def upright() -> Any:
    """Four corners of four grays, 24 x 16 pixels."""
    return np.kron([[0, 80, 160], [255, 40, 120]], np.ones((8, 8))).astype(np.uint8)


def stored(path: Path, orientation: Any, **options: Any) -> Path:
    picture, turn, exif = Image.fromarray(upright()).convert("RGB"), STORED.get(orientation), Image.Exif()
    exif[0x0112] = orientation
    (picture if turn is None else picture.transpose(turn)).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("name", LOSSLESS)
def test_pictures_are_upright(name: str, orientation: int, tmp_path: Path) -> None:
    picture = read_picture(stored(tmp_path / f"a.{name}", orientation, **LOSSLESS[name]))
    assert picture.mode == "RGB" and picture.size == (24, 16)
    assert abs(np.asarray(picture)[..., 1].astype(int) - upright()).max() <= 8  # JPEG


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_pictures_of_every_mode_are_upright(mode: str, orientation: int, tmp_path: Path) -> None:
    """Pillow maps some of them into memory where they are not compressed."""
    gray, turn, exif = upright(), STORED[orientation], Image.Exif()
    wide = {"I;16": gray.astype(np.uint16) * 257, "F": gray.astype(np.float32)}
    picture = Image.fromarray(wide[mode]) if mode in wide else Image.fromarray(gray).convert(mode)
    exif[0x0112] = orientation
    (picture if turn is None else picture.transpose(turn)).save(tmp_path / "a.tif", exif=exif)
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.tif"))[..., 1], gray)


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_no_orientation_of_the_standard_turns_nothing(orientation: int, tmp_path: Path) -> None:
    picture = read_picture(stored(tmp_path / "a.png", orientation))
    assert np.array_equal(np.asarray(picture)[..., 0], upright())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_leaves_good_pixels(tmp_path: Path) -> None:
    Image.fromarray(upright()).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff no more")
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.png"))[..., 0], upright())


def test_the_scene_is_the_same_whether_turned_or_not(shared_data: Path) -> None:
    folder = shared_data / "odd_files" / "exif_orientation" / "images"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    plain, turned = (np.asarray(read_picture(folder / name)).astype(int) for name in ("o1.jpg", "o6.jpg"))
    assert plain.shape == turned.shape and abs(plain - turned).mean() < 3


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("LA", (90, 7), (90, 90, 90)),
        ("P", 0, (0, 0, 0)),
        ("RGBA", (9, 8, 7, 0), (9, 8, 7)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, color: Any, expected: tuple[int, int, int], tmp_path: Path) -> None:
    Image.new(mode, (4, 4), color).save(tmp_path / "a.tif")
    assert read_picture(tmp_path / "a.tif").getpixel((1, 1)) == expected


@pytest.mark.parametrize("suffix", ["bmp", "gif", "ppm", "tga", "pcx", "jp2", "sgi", "ico", "dds", "qoi", "icns"])
def test_any_format_whatever_the_name(suffix: str, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (200, 10, 10)).save(tmp_path / f"a.{suffix}")
    red = np.asarray(read_picture((tmp_path / f"a.{suffix}").rename(tmp_path / "a.jpg"))).reshape(-1, 3).mean(0)
    assert red[0] > 180 and red[1:].max() < 30


def test_of_several_frames_the_first(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    for suffix in ("gif", "tif", "webp"):
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
        red, _, blue = np.asarray(read_picture(tmp_path / f"a.{suffix}"))[0, 0].tolist()
        assert red > 240 and blue < 15


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp", "jp2", "tga", "psd", "dds", "qoi"])
def test_damaged_files_of_any_format_raise_one_error(suffix: str, tmp_path: Path) -> None:
    path, draw = tmp_path / f"a.{suffix}", np.random.default_rng(0)
    try:
        Image.fromarray(draw.integers(0, 255, (24, 24, 3), np.uint8)).save(path)
    except KeyError:  # Pillow reads it only
        path.write_bytes(b"8BPS\0\1" + bytes(40))
    content = path.read_bytes()
    for part in range(0, len(content), max(1, len(content) // 12)):
        path.write_bytes(content[:part] + bytes(draw.integers(0, 255, 9, np.uint8)) + content[part + 9 :])
        try:
            read_picture(path)
        except ValueError as error:
            assert f"a.{suffix} is not a readable image: " in str(error)
    path.write_bytes(content[: min(20, len(content) // 2)])
    with pytest.raises(ValueError, match=f"a.{suffix} is not a readable image: "):
        read_picture(path)


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        *(
            ((ImageFile.ImageFile, "load"), error, r"\S")
            for error in (KeyError("x"), IndexError(), ZeroDivisionError("x"), AttributeError("x"), EOFError())
        ),
        ((Image.Image, "convert"), MemoryError(), "memory does not suffice"),
    ],
)
def test_whatever_decoding_raises_is_the_fault_of_the_picture(
    step: tuple[type, str], error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "a.bmp")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(*step, fail)
    with pytest.raises(ValueError, match=rf"a\.bmp is not a readable image: {reason}"):
        read_picture(tmp_path / "a.bmp")


def bitmap(path: Path, width: int, height: int) -> Path:
    """The head of a BMP file that declares this size; it has no pixels."""
    size = np.array([40, width, height], "<i4").tobytes() + b"\1\0\x18\0" + bytes(24)
    path.write_bytes(b"BM" + np.array([54, 0, 54], "<i4").tobytes() + size)
    return path


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (16_385, 8_192, "16,385 x 8,192 pixels .* are too many: at most 134,217,728, and 65,535 on a side"),
        (65_536, 1, "65,536 x 1 pixels .* are too many"),
        (1, 178_000_000, "1 x 178,000,000 pixels .* are too many"),
        (
            40_000,
            40_000,
            "not a readable image: it declares more than 134,217,728 pixels",
        ),  # Pillow's own limit comes before ours
    ],
)
def test_too_many_pixels_are_not_decoded(
    width: int, height: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(ValueError, match=message):
        read_picture(bitmap(tmp_path / "a.png", width, height))
    with pytest.raises(ValueError, match="decoded"):
        read_picture(bitmap(tmp_path / "a.png", 16_384, 8_192))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files that declare more than memory should hold."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("decoded"))
    webp, gif = tmp_path / "a.webp", tmp_path / "a.gif"
    Image.new("RGB", (8, 8)).save(webp, lossless=True)
    content = bytearray(webp.read_bytes())
    at, size = content.index(b"VP8L") + 9, 10_999
    fields = int.from_bytes(content[at : at + 4], "little") >> 28 << 28 | size | size << 14
    webp.write_bytes(content[:at] + fields.to_bytes(4, "little") + content[at + 4 :])
    Image.new("P", (8, 8)).save(gif)
    content = bytearray(gif.read_bytes())
    gif.write_bytes(content[:6] + b"\xff\xff\xff\xff" + content[10:])
    (tmp_path / "a.ppm").write_bytes(b"P6 60000 60000 255\n")
    head = b"IHDR" + np.array([60_000, 60_000], ">u4").tobytes() + b"\1\0\0\0\0"
    checksum = zlib.crc32(head).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + checksum + b"\0\0\0\x09IDAT")
    (tmp_path / "a.pfm").write_bytes(b"Pf\n11000 11000\n-1.0\n")
    for path, needed in ((webp, "WEBP, RGB, take 2,057,000,000"), (tmp_path / "a.pfm", "1,089,000,000")):
        with pytest.raises(ValueError, match=f"11,000 x 11,000 pixels .*{needed} bytes to decode, more than 1,073"):
            read_picture(path)
    for path in (tmp_path / "a.png", gif, tmp_path / "a.ppm"):
        with pytest.raises(ValueError, match=r"more than 134,217,728 pixels.* Cut it into tiles, or make it smaller$"):
            read_picture(path)


def test_too_many_bytes_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (2, 2)).save(path)
    os.truncate(path, decoding.MAX_FILE_BYTES + 1)  # takes no space on disk
    with pytest.raises(
        ValueError, match=r"a\.webp is not .*: the file has 1,073,741,825 bytes, more than 1,073,741,824"
    ):
        read_picture(path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"a\.png is not a readable image: the file is empty"):
        read_picture(tmp_path / "a.png")


def eps(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")


def eps_with_preview(path: Path) -> None:
    path.write_bytes(b"\xc5\xd0\xd3\xc6" + np.array([32, 80, 0, 0, 0, 0], "<u4").tobytes() + bytes(4))
    with path.open("ab") as file:
        file.write(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")


def eps_inside(path: Path) -> None:
    """IPTC hands what is inside to whatever decodes it."""
    eps(path)
    inside = path.read_bytes()
    fields = {(3, 60): b"\1\0", (3, 20): b"\0\0\0\x09", (3, 30): b"\0\0\0\x09", (3, 120): b"\0\5", (8, 10): inside}
    path.write_bytes(
        b"".join(b"\x1c" + bytes(key) + len(value).to_bytes(2, "big") + value for key, value in fields.items())
    )


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg", "a.iim"])
@pytest.mark.parametrize("write", [eps, eps_with_preview, eps_inside])
def test_no_other_program_is_started(
    write: Callable[[Path], None], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    for module, way in ((subprocess, "Popen"), (subprocess, "check_call"), (os, "system")):
        monkeypatch.setattr(module, way, lambda *_, **__: started.append("a program"))
    write(tmp_path / name)
    with pytest.raises(ValueError, match=r"does not decode by itself; convert it to PNG or JPEG"):
        read_picture(tmp_path / name)
    assert not started


def test_what_has_another_format_is_told_its_way_out(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(ValueError, match=r"IMG_1.HEIC is not a readable image: .heic is a format that Pillow does not"):
        read_picture(tmp_path / "IMG_1.HEIC")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.heic", format="JPEG")  # a name that lies does no harm
    assert read_picture(tmp_path / "a.heic").size == (4, 4)


def test_the_thumbnail_of_a_raw_file_is_not_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.nef", format="TIFF")
    with pytest.raises(ValueError, match=r"\.nef is a format that Pillow does not decode by itself"):
        read_picture(tmp_path / "a.nef")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_devices_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.png"))
        for path in tmp_path.iterdir():
            with pytest.raises(ValueError, match=f"{path.name} is not a readable image: it is not a regular file"):
                read_picture(path)
            assert not is_readable(path)


def test_links_lead_to_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "absent.png")
    assert read_picture(tmp_path / "b.png").size == (4, 4) and is_readable(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"broken\.png is not a readable image"):
        read_picture(tmp_path / "broken.png")


def test_large_pictures_in_small_files(shared_data: Path) -> None:
    folder = shared_data / "odd_files" / "pictures"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    for name, message in (("wide", "178,000,000 x 1 pixels"), ("eps", "does not decode by itself")):
        with pytest.warns() if name == "wide" else torch.no_grad(), pytest.raises(ValueError, match=message):
            read_picture(folder / name / "i.png")
