"""The picture that an XML file of Pascal VOC belongs to."""

import os
from pathlib import Path, PureWindowsPath

from diode_pl.io.listing import group_by_stem
from diode_pl.io.quoting import shorten
from diode_pl.io.written_paths import resolve_written


class PictureFinder:
    """Finds the pictures of XML files; a picture belongs to one of them.

    An XML file belongs to the picture of its own name: labeling tools often write the name of a file that was renamed,
    copied or converted since. Where there is no such picture, it belongs to the one that it states.

    Args:
        folder: of the pictures.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.png", "b.png"):
        ...     (folder / name).touch()
        >>> PictureFinder(folder)(folder / "a.xml", "b.png").name
        'a.png'
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._by_stem = folder, group_by_stem(folder)
        self._owners: dict[Path, Path] = {}

    def __call__(self, xml: Path, stated: str) -> Path:
        """Path of the picture of an XML file, which may not exist.

        Args:
            xml: path of the XML file.
            stated: name of the picture in there; may be empty.

        Raises:
            ValueError: if it belongs to another XML file.
        """
        # Of the path in another folder, perhaps on another machine, the name is left.
        places = [resolve_written(self._folder, stated), self._folder / PureWindowsPath(stated).name] if stated else []
        there = [place for place in places if os.path.isfile(place)]
        own = [place for place in there if xml.stem in (place.stem, place.name)] + self._by_stem.get(xml.stem, [])
        own += [path for path in self._by_stem.get(Path(xml.stem).stem, []) if path.name == xml.stem]  # a.jpg.xml
        if not own + there:
            return [*places, self._folder / f"{xml.stem}.jpg"][0]
        picture = [*own, *there][0]
        namesake = xml.with_name(f"{picture.stem}.xml")
        owner = namesake if not own and namesake.is_file() else self._owners.setdefault(picture, xml)
        if owner != xml:
            raise ValueError(
                f"{shorten(str(picture))} belongs to {owner.name}, and there is no picture named {xml.stem}"
            )
        return picture
