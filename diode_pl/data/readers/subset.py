"""Parts of a data set that text files name."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePath

from diode_pl.io.annotation import Annotation
from diode_pl.io.atomic import atomic_write
from diode_pl.io.quoting import shorten
from diode_pl.io.text_files import is_word
from diode_pl.io.written_paths import read_list


def select_listed(annotations: Sequence[Annotation], path: Path) -> list[Annotation]:
    """The annotations of the images that a text file names, in their own order.

    Args:
        annotations: of all images.
        path: of the file; one image per line, with as many of its folders as it takes to tell it from others. The
            suffix may be left out, as in the lists of Pascal VOC.

    Raises:
        ValueError: if the file cannot be read, names no image, or one that is not there or that may be several.
    """
    try:
        lines = read_list(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"subset: {path} cannot be read: {error}") from error
    if not lines:
        raise ValueError(f"subset: {path} names no image")
    by_name, by_stem = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for i, annotation in enumerate(annotations):
        by_name[annotation.path.name].append(i)
        by_stem[annotation.path.stem].append(i)
    chosen = set[int]()
    for line in lines:
        # A backslash separates folders, as on Windows, unless a name contains it.
        name = PurePath(line if PurePath(line).name in by_name else line.replace("\\", "/"))
        ends = [i for i in by_name[name.name] if annotations[i].path.parts[-len(name.parts) :] == name.parts]
        if not ends:
            stems = {i: annotations[i].path.with_suffix("").parts for i in by_stem[name.name]}
            ends = [i for i, parts in stems.items() if parts[-len(name.parts) :] == name.parts]
        if (found := len({annotations[i].path for i in ends})) != 1:
            what = f"{found} images end so; write more of the folders, and the suffix" if found else "no such image"
            raise ValueError(f"subset: {path} names {shorten(str(name))}: {what} in the data set")
        chosen.update(ends)
    return [annotations[i] for i in sorted(chosen)]


def write_lists(lists: Mapping[Path, Collection[Path]]) -> None:
    """Writes text files of images in the form that :func:`select_listed` reads.

    Args:
        lists: images by the text file that names them, relative to the innermost folder that holds all of them.
            Without any image, for instance of a generated data set, none is written.

    Raises:
        ValueError: if a name is not in UTF-8.
    """
    folders, texts = [image.absolute().parent for images in lists.values() for image in images], dict[Path, str]()
    for path, images in lists.items() if folders else ():
        names = sorted(image.absolute().relative_to(os.path.commonpath(folders)).as_posix() for image in images)
        if wrong := [name for name in names if not is_word(name)]:
            raise ValueError(
                f"the name of the image {shorten(wrong[0])} is not in UTF-8, so that {path.name} cannot list it; "
                "rename it, for instance with: convmv -f LATIN1 -t UTF-8 --notest -r FOLDER"
            )
        texts[path] = "".join(f"{name}\n" for name in names)
    for path, text in texts.items():
        atomic_write(path, text.encode())
