"""The pictures of a folder."""

import logging
import os
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

from diode_pl.io.decoding import is_readable
from diode_pl.io.formats import SHARED_SUFFIXES, readable_suffixes, unreadable_suffixes

log = logging.getLogger(__name__)

_USUAL = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def list_images(folder: str | Path, recursive: bool = False) -> list[Path]:
    """Image files of a folder and, if ``recursive``, of its subfolders, sorted by path.

    They are known by the suffix. Those of a format that cannot be read are included, so that whoever reads them can
    name and count them, and so are broken links, pipes and devices with the name of a picture. Hidden files and
    folders, whose names begin with a dot, are not. Links to folders are followed; a folder that several paths lead to
    is listed once, by a path without links if there is one.

    Raises:
        ValueError: if the folder does not exist or contains no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder.resolve()} is not a folder")
    suffixes, paths, others = readable_suffixes() | unreadable_suffixes(), list[Path](), Counter[str]()
    for path in _list_files(folder, recursive):
        suffix = path.suffix.lower()
        if suffix in suffixes and (suffix not in SHARED_SUFFIXES or is_readable(path)):
            paths.append(path)
        else:
            others[suffix or "without suffix"] += 1
    if not paths:
        there = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
        what = f", only {there}" if there else " and no other file"
        raise ValueError(f"{folder.resolve()} contains no image file (.jpg, .png, .tif, ...){what}")
    return sorted(paths)


def group_by_stem(folder: Path) -> dict[str, list[Path]]:
    """Image files of a folder by their names without suffix; of several of one name, usual formats come first.

    They are those that :func:`list_images` lists, without the suffixes that other files have more often.
    """
    unreadable = unreadable_suffixes()
    suffixes = (readable_suffixes() | unreadable) - SHARED_SUFFIXES
    ordered = [*_USUAL, *sorted(suffixes - unreadable - {*_USUAL}), *sorted(unreadable)]
    place = {suffix: i for i, suffix in enumerate(ordered)}
    groups = defaultdict[str, list[Path]](list)
    for path in _list_files(folder, recursive=False):
        if path.suffix.lower() in suffixes:
            groups[path.stem].append(path)
    for group in groups.values():
        group.sort(key=lambda path: (place[path.suffix.lower()], path.name))
    return dict(groups)


def _list_files(top: Path, recursive: bool) -> Iterator[Path]:
    """All but hidden files; a folder that cannot be listed is left out with a warning."""
    seen, folders, links = set[tuple[int, int]](), deque([top]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        try:
            status = folder.stat()
            with os.scandir(folder) as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except OSError as error:
            log.warning("skipped the folder %s: %s", folder, error)
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif not (entry.is_symlink() and path.is_dir()):
                yield path
            elif not folder.resolve().is_relative_to(path.resolve()):  # a link to a folder that it is in has no end
                links.append(path)
        if not recursive:
            return
