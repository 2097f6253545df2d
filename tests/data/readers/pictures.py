"""Image files of one color, whole and broken, for the tests of readers."""

from pathlib import Path

from PIL import Image

from diode_pl.data.cache import find_usable
from diode_pl.data.readers import Example, ImageSet


def paint(path: Path, size: tuple[int, int] = (20, 10), color: tuple[int, int, int] = (255, 0, 0)) -> Path:
    """Writes an image of ``size``, width and height in pixels; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def cut_short(path: Path) -> Path:
    """An image file whose second half is missing."""
    paint(path, (200, 200))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def usable(images: ImageSet) -> dict[str, Example]:
    """The images that are left when bad ones are found, by name."""
    return {images[i].name: images[i] for i in find_usable(images, 0, "images")}
