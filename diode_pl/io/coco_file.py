"""Content of a COCO annotation file: its lists, and its categories as labels."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from diode_pl.io.background import is_background
from diode_pl.io.json_file import read_json
from diode_pl.io.quoting import quote
from diode_pl.io.text_files import is_word

log = logging.getLogger(__name__)

Id = int | float | str  # some programs write 5.0


class Content(NamedTuple):
    """Content of a file.

    Args:
        images, annotations: as they stand in it.
        names: of the classes by label, in the order of the file, without ``__background__``.
        label: by category id; -1 for ``__background__``, which is not a class.
    """

    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    names: list[str]
    label: dict[Id, int]


def read_content(path: str | Path, skip: Callable[[Mapping[str, Any]], bool] | None = None) -> Content:
    """Reads a COCO annotation file, without a look at its images and annotations.

    Categories of one name are one class, as Roboflow writes a class and its supercategory.

    Args:
        path: of the file.
        skip: whether to leave out an image or an annotation; with an image go its annotations.

    Raises:
        ValueError: if the file cannot be read, a list is missing, or a category has no name or the id of another one.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "boxes.json")
        >>> categories = '[{"id": 0, "name": "mug"}, {"id": 1, "name": "mug"}]'
        >>> _ = path.write_text(f'{{"images": [], "annotations": [], "categories": {categories}}}')
        >>> read_content(path).label
        {0: 0, 1: 0}
    """
    try:
        content = read_json(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise no_annotation_file(path, str(error)) from error
    try:
        images, annotations, categories = content["images"], content["annotations"], content["categories"]
        if not all(isinstance(entry, dict) for entry in [*images, *annotations, *categories]):
            raise TypeError("every image, annotation and category must be a mapping")
        names, label = _number(categories, path)
    except (KeyError, TypeError, ValueError) as error:
        raise no_annotation_file(path, f"{type(error).__name__}: {error}") from error
    if skip is not None:
        gone = {entry.get("id") for entry in images if skip(entry)}
        images = [entry for entry in images if not skip(entry)]
        annotations = [entry for entry in annotations if not (skip(entry) or entry.get("image_id") in gone)]
    return Content(list(images), list(annotations), names, label)


def no_annotation_file(path: str | Path, reason: str) -> ValueError:
    """The error to raise for a file that is wrong as a whole."""
    return ValueError(
        f"{path} is not a COCO annotation file: it needs images (id, width, height), categories (id, name) and "
        f"annotations (image_id, category_id, bbox); {reason}"
    )


def _number(categories: Sequence[dict[str, Any]], path: str | Path) -> tuple[list[str], dict[Id, int]]:
    """Class names, and the label of each category id."""
    name_of = dict[Id, str]()
    for number, category in enumerate(categories):
        name, key = category["name"], category["id"]
        if isinstance(name, bool) or not isinstance(name, str | int | float) or not isinstance(key, Id):
            what = f"id and name must be texts or numbers, got {quote(key)} and {quote(name)}"
            raise ValueError(f"{what} (categories[{number}])")
        if not is_word(str(name)):
            raise ValueError(
                f"name must be a text in Unicode that is not empty, got {quote(name)} (categories[{number}])"
            )
        if (other := name_of.setdefault(key, word := str(name).strip())) != word:
            raise ValueError(
                f"id {quote(key)} is that of {quote(other)} and of {quote(name)} (categories[{number}]); ids must be "
                "unique"
            )
    ids_of = Counter(name_of.values())
    if shared := [name for name, ids in ids_of.items() if ids > 1]:
        log.warning("%s: several ids stand for one class: %s", path, quote(shared))
    classes = [name for name in ids_of if not is_background(name)]
    label = {name: i for i, name in enumerate(classes)}
    return classes, {key: label.get(name, -1) for key, name in name_of.items()}
