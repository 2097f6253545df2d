"""The data.yaml of YOLO trainers: class names, and where the images of each split are."""

import itertools
import logging
import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from diode_pl.io.background import is_background
from diode_pl.io.listing import list_images
from diode_pl.io.quoting import quote, shorten
from diode_pl.io.text_files import is_word
from diode_pl.io.written_paths import read_list, resolve_written
from diode_pl.io.yaml_file import read_yaml

log = logging.getLogger(__name__)


class DataYaml:
    """Content of a data.yaml.

    Args:
        root: the file or its folder.

    Attributes:
        path: of the file.
        names: of the classes, by label; ``__background__``, which is not a class, may be among them.

    Raises:
        ValueError: if it does not exist or is not a readable YAML file, or ``names`` are not names, as many as ``nc``.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "data.yaml")
        >>> _ = path.write_text("{val: images/val, nc: 2, names: {0: mug, 1: key}}")
        >>> DataYaml(path).names
        ['mug', 'key']
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "data.yaml" if root.is_dir() else root
        if not self.path.is_file():
            there = ", ".join(str(p) for p in sorted(root.glob("*.y*ml"))) or "no other YAML file either"
            raise ValueError(
                f"root: {self.path.resolve()} does not exist ({there}); expected a data.yaml or its folder"
            )
        content = read_yaml(self.path)
        if not isinstance(content, dict):
            raise ValueError(f"{self.path} is not a data.yaml: it needs train, val or test, and names")
        self._content: dict[Any, Any] = content
        self.names = self._read_names()

    def _read_names(self) -> list[str]:
        names, count = self._content.get("names"), self._content.get("nc")
        if isinstance(names, dict) and set(names) == set(range(len(names))):
            names = [names[i] for i in range(len(names))]
        if not isinstance(names, list) or not names:
            expected = "names must be a list of class names, or map 0, 1, ... to names"
            raise ValueError(f"{self.path}: {expected}, got {quote(names)}")
        # YAML reads a bare yes, no, on or off as true or false.
        if wrong := [name for name in names if isinstance(name, bool) or not isinstance(name, str | int)]:
            raise ValueError(f"{self.path}: names must be words, got {quote(wrong[0])}; write it between quotes")
        if wrong := [name for name in names if not is_word(str(name))]:
            raise ValueError(f"{self.path}: names must be words, got {quote(wrong[0])}; correct it")
        if count is not None and (isinstance(count, bool) or count not in (len(names), str(len(names)))):
            raise ValueError(f"{self.path}: nc is {quote(count)}, and names has {len(names)}; correct one of them")
        words = [str(name) for name in names]
        if all(map(is_background, words)):
            raise ValueError(f"{self.path}: names: {quote(words[0])} is not an object, and there is no other name")
        if shared := [name for name, labels in Counter(words).items() if labels > 1]:
            log.warning("%s: several labels stand for one class: %s", self.path, quote(shared))
        return words

    def list_split(self, split: str) -> list[Path]:
        """Images of a split, in folders or listed in text files; those that are listed several times count once.

        Raises:
            ValueError: if there is no such split, or something is missing or empty.
        """
        sources = self._content.get(split)
        if not sources:
            there = ", ".join(key for key in ("train", "val", "test") if self._content.get(key)) or "none"
            raise ValueError(f"split: {self.path} has no images for {split!r}; it has them for: {there}")
        listed: list[Path] = []
        for source in sources if isinstance(sources, list) else [sources]:
            if not isinstance(source, str):
                raise ValueError(f"{self.path}, {split}: expected a path, or a list of paths, got {quote(source)}")
            listed += self._list_source(split, source)
        images, repeated = dict[str, Path](), list[Path]()
        for image in listed:
            if images.setdefault(os.path.normpath(image), image) is not image:
                repeated.append(image)
        if repeated:
            text = "%s, %s: %d images are listed again, the first is %s; each counts once"
            log.warning(text, self.path, split, len(repeated), repeated[0])
        return list(images.values())

    def _list_source(self, split: str, source: str) -> list[Path]:
        base = resolve_written(self.path.parent, os.path.expanduser(str(self._content.get("path") or ".")))
        place = _find_place(base, os.path.expanduser(source))
        if os.path.isdir(place):
            return list_images(place, recursive=True)
        if not os.path.isfile(place) or place.suffix.lower() != ".txt":
            raise ValueError(
                f"{self.path}, {split}: {shorten(str(place))} is neither a folder nor a list of images (.txt); "
                "write the folder of the data set into its key path"
            )
        try:
            lines = read_list(place)
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.path}, {split}: {place} cannot be read: {error}") from error
        if not lines:
            raise ValueError(f"{self.path}, {split}: {place} lists no image")
        return [resolve_written(place.parent, line) for line in lines]


def _find_place(base: Path, source: str) -> Path:
    """Path that data.yaml states, without a leading ``../`` where it leads nowhere: Roboflow writes one too many."""
    place, parts = resolve_written(base, source), PurePosixPath(source.replace("\\", "/")).parts
    inside = base.joinpath(*itertools.dropwhile(lambda part: part == "..", parts))
    if parts[:1] == ("..",) and os.path.exists(inside):
        if not os.path.exists(place):
            log.info("%s does not exist, %s is taken", place, inside)
            return inside
        log.warning("%s is taken; there is %s, too, which is meant where ../ should not be there", place, inside)
    return place
