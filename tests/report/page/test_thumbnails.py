"""Small pictures."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.report.page.thumbnails import encode_thumbnail, side_of


def decoded(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_large_pictures_become_small_and_small_ones_stay(tmp_path: Path) -> None:
    Image.new("RGB", (400, 200), "red").save(tmp_path / "a.png")
    small = decoded(encode_thumbnail(tmp_path / "a.png", 100))
    assert small.size == (100, 50) and small.format == "JPEG"
    assert decoded(encode_thumbnail(tmp_path / "a.png", 1000)).size == (400, 200)


def test_a_small_jpeg_file_is_not_encoded_again(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "red").save(tmp_path / "a.jpg")
    assert base64.b64decode(encode_thumbnail(tmp_path / "a.jpg", 64)) == (tmp_path / "a.jpg").read_bytes()
    assert decoded(encode_thumbnail(tmp_path / "a.jpg", 20)).size == (20, 10)


def test_many_images_are_smaller() -> None:
    assert [side_of(count) for count in (1, 128, 129, 512, 513, 1000, 10**6)] == [256, 256, 192, 192, 128, 128, 128]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"cut")
    with pytest.raises(ValueError, match="a.jpg is not a readable image"):
        encode_thumbnail(tmp_path / "a.jpg", 64)
