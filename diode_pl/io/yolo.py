"""Label files of YOLO trainers: a line ``class cx cy w h`` per object."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from diode_pl.io.annotation import clip_box
from diode_pl.io.quoting import quote

_ROUNDING = 1e-3  # files with few decimals exceed the image by this much


class LabelFile(NamedTuple):
    """Content of a label file.

    Args:
        objects: pairs of a label and the corners of a box, in units of the image, each once.
        repeated: names of the lines that say the same as an earlier one.
        empty: whether there is no line, not even a bad one.
    """

    objects: list[tuple[int, tuple[float, float, float, float]]]
    repeated: list[str]
    empty: bool


def label_paths(image: Path) -> list[Path]:
    """Where the label file of an image may be, the usual place first.

    That is the path of the image with its last folder ``images`` replaced by ``labels``, and the suffix by ``.txt``;
    otherwise it is beside the image.

    Example:
        >>> [path.as_posix() for path in label_paths(Path("set/images/a/1.png"))]
        ['set/labels/a/1.txt', 'set/images/a/1.txt']
    """
    folders, name = image.parent.parts, f"{image.stem}.txt"
    beside = Path(*folders, name)
    if "images" not in folders:
        return [beside]
    last = len(folders) - 1 - folders[::-1].index("images")
    return [Path(*folders[:last], "labels", *folders[last + 1 :], name), beside]


def find_label_file(image: Path) -> Path | None:
    """The label file of an image; None if there is none."""
    return next((path for path in label_paths(image) if os.path.isfile(path)), None)


def parse_labels(text: str, path: Path, classes: int, on_bad: Callable[[str, str], None]) -> LabelFile:
    """Objects of a label file.

    Args:
        text: content of the file.
        path: of the file, for the names of its lines.
        classes: number of classes.
        on_bad: called with the name of each bad line, and the reason; it is skipped.

    Example:
        >>> parse_labels("0 0.5 0.5 1 1\\n0 0.50 0.50 1 1", Path("a.txt"), classes=1, on_bad=print)
        LabelFile(objects=[(0, (0.0, 0.0, 1.0, 1.0))], repeated=['a.txt, line 2'], empty=False)
    """
    objects, repeated = dict[tuple[int, tuple[float, float, float, float]], int](), list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip() and objects.setdefault(_parse_line(line, classes), number) != number:
                repeated.append(f"{path}, line {number}")
        except ValueError as error:
            on_bad(f"{path}, line {number}", str(error))
    return LabelFile([*objects], repeated, not text.strip())


def _parse_line(line: str, classes: int) -> tuple[int, tuple[float, float, float, float]]:
    """Label and corners of one line."""
    try:
        label, cx, cy, w, h = map(float, line.split())
    except ValueError:
        raise ValueError(f"expected five numbers, class cx cy w h, got {quote(line.strip())}") from None
    if label not in range(classes):
        raise ValueError(f"class {label:g} is not in names, which has 0 to {classes - 1}")
    if not all(-_ROUNDING <= value <= 1 + _ROUNDING for value in (cx, cy, w, h)):
        raise ValueError(f"expected cx cy w h in units of the image, from 0 to 1, got {quote(line.strip())}")
    return int(label), clip_box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
