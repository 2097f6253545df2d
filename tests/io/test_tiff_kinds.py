"""Gray TIFF pictures of every kind of numbers, against the same levels in 8 bits."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diode_pl.io.decoding import read_picture
from diode_pl.io.tiff_kinds import count_strip_bytes

LEVELS = np.array([0, 51, 128, 255])
# By kind of numbers: value of the tag SampleFormat, and what is white.
KINDS = {"u2": (1, 65535), "u4": (1, 2**32 - 1), "i2": (2, 32767), "i4": (2, 65535)}
KINDS |= {"f2": (3, 1.0), "f4": (3, 1.0), "f8": (3, 1.0)}


def write_tiff(path: Path, order: str, tags: dict[int, int], content: bytes) -> Path:
    """A file of one strip or tile, whose place and size are added to ``tags``."""
    tags = dict(
        sorted(({(324 if 322 in tags else 273): 8, (325 if 322 in tags else 279): len(content)} | tags).items())
    )
    content += bytes(len(content) % 2)
    entries = b"".join(
        np.array([tag, 4], f"{order}u2").tobytes() + np.array([1, value], f"{order}u4").tobytes()
        for tag, value in tags.items()
    )
    head = (b"II" if order == "<" else b"MM") + np.array([42], f"{order}u2").tobytes()
    head += np.array([8 + len(content)], f"{order}u4").tobytes()
    path.write_bytes(head + content + np.array([len(tags)], f"{order}u2").tobytes() + entries + bytes(4))
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("white_minimum", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_either_order(
    kind: str, white_minimum: bool, compressed: bool, order: str, tmp_path: Path
) -> None:
    sample_format, white = KINDS[kind]
    content = (LEVELS / 255 * white).astype(order + kind).tobytes()
    tags = {256: 4, 257: 1, 258: 8 * int(kind[1]), 259: 8 if compressed else 1, 262: 0 if white_minimum else 1}
    tags |= {277: 1, 278: 1, 339: sample_format}
    path = write_tiff(tmp_path / "a.tif", order, tags, zlib.compress(content) if compressed else content)
    found = np.asarray(read_picture(path))[0, :, 0].astype(int)
    np.testing.assert_allclose(found, 255 - LEVELS if white_minimum else LEVELS, atol=1)


def test_signed_ones_with_negative_numbers_have_their_own_range(tmp_path: Path) -> None:
    tags = {256: 3, 257: 1, 258: 16, 259: 1, 262: 1, 277: 1, 278: 1, 339: 2}
    path = write_tiff(tmp_path / "a.tif", ">", tags, np.array([-1000, 0, 1000], ">i2").tobytes())
    assert np.asarray(read_picture(path))[0, :, 0].tolist() == [0, 128, 255]


def test_a_tile_that_is_larger_than_the_picture_counts(tmp_path: Path) -> None:
    side = 40_000
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    path = write_tiff(tmp_path / "a.tif", "<", tags, zlib.compress(bytes(8)))
    with pytest.raises(ValueError, match=r"a\.tif is not .*: 8 x 8 pixels .* TIFF, L, take 1,600,000,064 bytes"):
        read_picture(path)


def test_strips_are_no_larger_than_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.tif", tiffinfo={278: 2**31})
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    assert count_strip_bytes(Image.open(tmp_path / "a.tif")) == 6 * 4 * 3
    assert count_strip_bytes(Image.open(tmp_path / "a.png")) == 0
