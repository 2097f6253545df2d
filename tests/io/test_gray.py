"""Gray of more than 8 bits against the same levels in 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diode_pl.io.decoding import read_picture
from diode_pl.io.gray import to_8_bits

LEVELS = np.array([[0, 64, 88], [128, 192, 255]], np.uint8)


def levels(picture: Image.Image) -> Any:
    return np.asarray(to_8_bits(picture)).astype(int).tolist()


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_16_bits_are_scaled_by_what_they_can_hold(kind: str) -> None:
    wide = (LEVELS.astype(np.uint16) * 257).astype(kind)
    assert levels(Image.fromarray(wide)) == LEVELS.tolist()
    dark = Image.fromarray((LEVELS // 16 * np.uint16(257)).astype(kind))  # is not made brighter
    assert levels(dark) == (LEVELS // 16).tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (LEVELS / 255, LEVELS),
        (LEVELS / 510, LEVELS / 2),  # dark ones stay dark
        (np.array([[-0.02, 0.5, 1.04]]), np.array([[0, 128, 255]])),  # overshoot of resampling
        (LEVELS.astype(float), LEVELS),
        (LEVELS.astype(float) * 257, LEVELS),
        (np.array([[-1.0, 0.0, 1.0]]), np.array([[0, 128, 255]])),
        (np.array([[0.5, 3.0, 5.5]]), np.array([[0, 128, 255]])),  # meters
        (np.array([[np.nan, -np.inf, 0.2, np.inf]]), np.array([[0, 0, 51, 255]])),
        (np.array([[np.nan]]), np.array([[0]])),
        (np.array([[-7.0]]), np.array([[0]])),
    ],
)
def test_floats(values: Any, expected: Any) -> None:
    found = np.array(levels(Image.fromarray(values.astype(np.float32))))
    np.testing.assert_allclose(found, expected, atol=0.6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (LEVELS.astype(int) * 257, LEVELS),  # 16 bits in a wider mode
        (np.array([[2_000_000_000, 2_000_000_051, 2_000_000_100]]), np.array([[0, 130, 255]])),
        (np.array([[-1024, 0, 1024]]), np.array([[0, 128, 255]])),
        (np.array([[-5]]), np.array([[0]])),
    ],
)
def test_32_bits(values: Any, expected: Any) -> None:
    found = np.array(levels(Image.fromarray(values.astype(np.int32))))
    np.testing.assert_allclose(found, expected, atol=0.6)


def test_other_pictures_are_left_alone() -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        picture = Image.new(mode, (2, 2))
        assert to_8_bits(picture) is picture


def write_tiff(path: Path, pixels: bytes, width: int, bits: int, **changed: int) -> Path:
    """One row of gray pixels without compression; Pillow writes no such files."""
    tags = {256: width, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(pixels), 339: 1}
    tags |= {{"photometric": 262, "sample_format": 339}[name]: value for name, value in changed.items()}
    entries = b"".join(
        np.array([tag, 3], "<u2").tobytes() + np.array([1, value], "<u4").tobytes() for tag, value in tags.items()
    )
    pixels += bytes(len(pixels) % 2)
    head = b"II*\0" + np.array([8 + len(pixels)], "<u4").tobytes()
    path.write_bytes(head + pixels + np.array([len(tags)], "<u2").tobytes() + entries + bytes(4))
    return path


def test_12_bits_of_tiff(tmp_path: Path) -> None:
    """Two pixels, 0xFFF and 0x800, three bytes."""
    path = write_tiff(tmp_path / "a.tif", b"\xff\xf8\x00", 2, 12)
    assert np.asarray(read_picture(path))[0, :, 0].tolist() == [255, 128]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 2**32 - 1, 2**31], "<u4"), [0, 255, 128]),
        (np.array([0, 65535, 13107], "<u4"), [0, 255, 51]),
        (np.array([-(2**31), 2**31 - 1, 0], "<i4"), [0, 255, 128]),
    ],
)
def test_32_bits_of_tiff_may_have_no_sign(values: Any, expected: list[int], tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", values.tobytes(), 3, 32, sample_format=1 if values.dtype.kind == "u" else 2)
    assert np.asarray(read_picture(path))[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "sample_format"),
    [
        (np.array([0, 65535, 13107], "<u2"), 1),
        (np.array([0, 255, 51], "u1"), 1),
        (np.array([0, 1, 0.2], "<f4"), 3),
    ],
)
@pytest.mark.parametrize("white", [False, True])
def test_the_minimum_of_tiff_may_be_white(white: bool, values: Any, sample_format: int, tmp_path: Path) -> None:
    path, bits = tmp_path / "a.tif", 8 * values.itemsize
    write_tiff(path, values.tobytes(), 3, bits, photometric=0 if white else 1, sample_format=sample_format)
    found = np.asarray(read_picture(path))[0, :, 0].tolist()
    assert found == ([255, 0, 204] if white else [0, 255, 51])


@pytest.mark.parametrize(("suffix", "mode"), [("png", "I;16"), ("tif", "I;16"), ("jp2", "I;16"), ("pgm", "I;16")])
def test_files_of_16_bits(suffix: str, mode: str, tmp_path: Path) -> None:
    wide = np.kron(LEVELS, np.ones((16, 16))).astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / f"a.{suffix}")
    found = np.asarray(read_picture(tmp_path / f"a.{suffix}"))
    assert found.shape == (32, 48, 3)
    np.testing.assert_allclose(found[8::16, 8::16, 1], LEVELS, atol=1)


def test_the_same_picture_in_8_and_16_bits(shared_data: Path) -> None:
    folder = shared_data / "odd_files" / "gray16"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    narrow, wide = (np.asarray(read_picture(folder / f"gray{bits}.png")).astype(int) for bits in (8, 16))
    assert round(narrow.mean()) == round(wide.mean()) == 88 and abs(narrow - wide).max() <= 1
