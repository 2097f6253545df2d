"""The pictures that a person names, and where what belongs to each of them is written."""

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from diode_pl.io.atomic import atomic_write
from diode_pl.io.listing import list_images

_WRITTEN = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
_WEBP_SIDE = 16_383  # pixels: the format has no more


def list_pictures(source: str | Path, folder: Path) -> dict[str, Path]:
    """The pictures of a source, by their paths relative to it with forward slashes, sorted.

    Args:
        source: a picture, or a folder that is searched with its subfolders, such as one of the frames of a video.
        folder: output folder; pictures inside it are not part of the source.

    Raises:
        ValueError: if ``source`` does not exist, has no picture, or is the output folder.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        if path.exists():
            raise ValueError(
                f"source: {path.resolve()} is a pipe, a socket or a device; expected a picture or a folder"
            )
        raise ValueError(f"source: {path.resolve()} does not exist; expected a picture or a folder of pictures")
    if path.resolve() == folder.resolve():
        raise ValueError(f"source and folder must differ, got {folder} for both")
    try:
        found = list_images(path, recursive=True)
    except ValueError as error:
        raise ValueError(f"source: {error}") from error
    own = folder.resolve()
    found = [each for each in found if not each.resolve().is_relative_to(own)]
    if not found:
        raise ValueError(f"source: {path.resolve()} has no pictures outside of {folder}, which is for the results")
    return {each.relative_to(path).as_posix(): each for each in found}


def label_names(names: Iterable[str]) -> dict[str, str]:
    """The YOLO label file of each picture: its name ending in .txt; where several share that, after their own suffix.

    Example:
        >>> label_names(["a.png", "b.png", "b.jpg"])
        {'a.png': 'a.txt', 'b.png': 'b.png.txt', 'b.jpg': 'b.jpg.txt'}
    """
    stems = {name: str(Path(name).with_suffix(".txt")) for name in names}
    shared = list(stems.values())
    return {name: stem if shared.count(stem) == 1 else f"{name}.txt" for name, stem in stems.items()}


def write_as_named(path: Path, picture: Image.Image) -> None:
    """Writes a picture in the format of its name, or as PNG if that is not a usual one or too small, atomically."""
    if path.suffix.lower() not in _WRITTEN or (path.suffix.lower() == ".webp" and max(picture.size) > _WEBP_SIDE):
        path = path.with_name(f"{path.name}.png")
    content = io.BytesIO()
    picture.save(content, format=Image.registered_extensions()[path.suffix.lower()], quality=92)
    atomic_write(path, content.getvalue())
