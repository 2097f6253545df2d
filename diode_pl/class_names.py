"""Reading and matching of class names."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from diode_pl.io.background import is_background
from diode_pl.io.quoting import quote
from diode_pl.io.text_files import describe_no_file, read_text

# Spellings of COCO's classes in Pascal VOC and Darknet's name file.
_SYNONYMS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
UNUSED = "N/A"
"""Name of an output without a class, of which torchvision's networks for COCO have several."""


def read_names(names: str | Path | Sequence[str]) -> list[str]:
    """Class names in the order of their labels, given as such or as the path of a file with one name per line.

    Lists of the outputs of a network may begin with ``__background__``, which is not an object and is left out.

    Raises:
        ValueError: if the file does not exist, is not UTF-8, has no name or one twice, a name is not a text, or
            ``__background__`` is not the first.

    Example:
        >>> read_names(["__background__", "mug", "key"])
        ['mug', 'key']
    """
    listed = _read_lines(Path(names)) if isinstance(names, str | Path) else list(names)
    if wrong := [name for name in listed if not isinstance(name, str)]:  # YAML reads numbers, and no as false
        raise ValueError(f"names must be words, got {quote(wrong[0])}; write it between quotes")
    objects = [name for name in listed if not is_background(name)]
    if len(objects) < len(listed) and objects != listed[1:]:
        raise ValueError(
            f"names: {next(name for name in listed[1:] if is_background(name))} is not an object; expected it as "
            "the first name, that of output 0, or not at all"
        )
    if listed and not objects:
        raise ValueError(
            f"names: {listed[0]} is not an object, and there is no other name; expected those of the classes"
        )
    return objects


def match_classes(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """Index in ``others`` of each of ``names``, -1 if missing.

    Equal names are of one class. What is left is matched in any case, then by the spellings of COCO and Pascal VOC,
    where only one name on each side can be meant; so ``a`` and ``A``, or ``sofa`` and ``couch``, can be two classes.

    Example:
        >>> match_classes(["TVmonitor", "mug"], ["person", "tv"])
        [1, -1]
        >>> match_classes(["sofa", "couch"], ["couch"])
        [-1, 0]
    """
    index = {name: i for i, name in reversed([*enumerate(others)])}
    found = {name: name for name in names if name in index}
    for form in (_ignore_case, _ignore_spelling):
        ours = _unambiguous(form, (name for name in names if name not in found))
        theirs = _unambiguous(form, index.keys() - found.values())
        found |= {name: theirs[key] for key, name in ours.items() if key in theirs}
    return [index[found[name]] if name in found else -1 for name in names]


def require_stored_names(names: Sequence[str], stored: Sequence[str] | None, path: str | Path) -> None:
    """Checks that names are those that a weights file states, in the same order.

    Args:
        names: given for the outputs of the network.
        stored: in the file; None if it does not say.
        path: of the file, for the message.

    Raises:
        ValueError: if they differ other than in spelling.
    """
    if stored is None or (matches := match_classes(names, stored)) == [*range(len(stored))]:
        return
    counts = "" if len(names) == len(stored) else f"{len(names)} names are given, {len(stored)} are in {path}; "
    pairs = enumerate(zip(names, stored, matches, strict=False))
    where = [
        f"class {i} is {quote(there)} in {path}, not {quote(here)}" for i, (here, there, match) in pairs if match != i
    ]
    raise ValueError(
        f"names: {counts}{where[0] if where else f'the first {min(len(names), len(stored))} are equal'}; expected the "
        "names of the weights, in their order. For other classes, partial=True takes what fits of the weights"
    )


def _read_lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"names: {describe_no_file(path)}; expected a file with one class name per line")
    try:
        # Files that were joined have a byte order mark inside.
        lines = [line.strip() for line in read_text(path).replace("\ufeff", "").split("\n")]
    except ValueError as error:
        raise ValueError(f"names: {error}") from error
    if not any(lines):
        raise ValueError(f"names: {path} is empty; expected one class name per line")
    first = dict[str, int]()
    for number, line in enumerate(lines, start=1):
        if line and line != UNUSED and first.setdefault(line, number) != number:
            raise ValueError(
                f"names: {path} states {quote(line)} on line {first[line]} and again on line {number}; expected "
                "another name for each class"
            )
    return [line for line in lines if line]


def _unambiguous(form: Callable[[str], str], names: Iterable[str]) -> dict[str, str]:
    """Names by their form, without those that share it with another."""
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(form(name), set()).add(name)
    return {key: group.pop() for key, group in groups.items() if len(group) == 1}


def _ignore_case(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip()).casefold()


def _ignore_spelling(name: str) -> str:
    return _SYNONYMS.get(plain := _ignore_case(name), plain)
