"""XML files of Pascal VOC: one per image."""

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from diode_pl.io.annotation import clip_box, is_single
from diode_pl.io.flags import read_flag
from diode_pl.io.quoting import quote, shorten
from diode_pl.io.text_files import require_regular


class Thing(NamedTuple):
    """An object.

    Args:
        name: of its class.
        box: corners in units of the image.
    """

    name: str
    box: tuple[float, float, float, float]


class Page:
    """Content of an XML file, whatever the namespace and the case of its tags.

    Args:
        path: of the file.

    Attributes:
        objects: elements to read with :func:`read_name`, :func:`is_difficult` and :func:`read_object`.

    Raises:
        OSError: if it cannot be read, or is not a regular file.
        ValueError: if it is not XML, or in an encoding that is unknown.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "1.xml")
        >>> _ = path.write_text("<annotation><Size><Width>8</Width><Height>4</Height></Size></annotation>")
        >>> Page(path).size
        (8.0, 4.0)
    """

    def __init__(self, path: Path) -> None:
        require_regular(path)
        try:
            self._root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, LookupError) as error:  # LookupError: encoding
            raise ValueError(f"it is not XML that can be read: {shorten(str(error))}") from error
        for node in self._root.iter():
            node.tag = node.tag.rpartition("}")[2].lower()
        self.objects = self._root.findall("object")

    @property
    def filename(self) -> str:
        """Name of the image file, as it is stated; may be empty or that of another file."""
        return _find_text(self._root, "filename")

    @property
    def tags(self) -> list[str]:
        """Tags at the top, each once."""
        return [*dict.fromkeys(node.tag for node in self._root)]

    @property
    def size(self) -> tuple[float, float] | None:
        """Width and height in pixels; None if they are not stated."""
        try:
            width, height = float(_find_text(self._root, "size/width")), float(_find_text(self._root, "size/height"))
        except ValueError:
            return None
        return (width, height) if min(width, height) > 0 and is_single(width) and is_single(height) else None


def is_difficult(thing: ElementTree.Element) -> bool:
    """Whether an object is marked as difficult.

    Raises:
        ValueError: if the mark is not a truth value.
    """
    try:
        return read_flag(_find_text(thing, "difficult"))
    except ValueError as error:
        raise ValueError(f"difficult: {error}") from None


def read_name(thing: ElementTree.Element) -> str:
    """Class of an object; empty if it is not stated."""
    return _find_text(thing, "name")


def read_object(thing: ElementTree.Element, width: float, height: float) -> Thing:
    """Class and box of an object in an image of ``width`` x ``height`` pixels.

    Raises:
        ValueError: if it has no name, or no box with an area inside the image.
    """
    if not (name := read_name(thing)):
        raise ValueError("it has no name")
    texts = [_find_text(thing, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    try:
        x1, y1, x2, y2 = map(float, texts)
    except ValueError:
        raise ValueError(f"expected numbers in bndbox (xmin, ymin, xmax, ymax), got {quote(texts)}") from None
    if not all(map(is_single, (x1, y1, x2, y2))):
        raise ValueError(f"expected finite numbers of single precision in bndbox, got {quote(texts)}")
    try:
        # Pixels count from 1, and the last one belongs to the box: the box ends where that pixel ends.
        return Thing(name, clip_box((x1 - 1) / width, (y1 - 1) / height, x2 / width, y2 / height))
    except ValueError as error:
        raise ValueError(f"{error}: bndbox {quote(texts)} in {width:g} x {height:g} pixels") from None


def _find_text(node: ElementTree.Element, path: str) -> str:
    return (node.findtext(path) or "").strip()
