"""Image files of one color, whole and broken, for the tests of readers."""

from pathlib import Path

from PIL import Image

from diode_pl.data.readers import BadImage, Example, ImageSet


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
    """What a loader gets that skips bad images, by name."""
    found = {}
    for i in range(len(images)):
        try:
            example = images[i]
        except BadImage:
            continue
        found[example.name] = example
    return found
