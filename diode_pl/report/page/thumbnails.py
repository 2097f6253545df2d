"""Small pictures inside of a page."""

import base64
from pathlib import Path

from PIL import Image

from diode_pl.io.decoding import read_picture
from diode_pl.io.images import encode_jpeg

MOST = 1000
"""Images of a page: more would make a file of tens of megabytes."""
_SIDES = ((128, 256), (512, 192), (MOST, 128))  # number of images up to which: longest side in pixels
_QUALITY = 82


def side_of(count: int) -> int:
    """Longest side of a thumbnail in pixels on a page of ``count`` images, which keeps the page below 10 MB.

    Example:
        >>> side_of(32), side_of(1000)
        (256, 128)
    """
    return next((side for limit, side in _SIDES if count <= limit), _SIDES[-1][1])


def encode_thumbnail(path: Path, side: int) -> str:
    """A picture as base64 of a JPEG file of at most ``side`` pixels; a JPEG file that is small enough stays as it is.

    Raises:
        ValueError: if the file is not a readable image.
    """
    picture = read_picture(path)
    if path.suffix == ".jpg" and max(picture.size) <= side:
        return base64.b64encode(path.read_bytes()).decode()
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return base64.b64encode(encode_jpeg(picture, _QUALITY, optimize=True)).decode()
