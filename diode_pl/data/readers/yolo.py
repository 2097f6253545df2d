"""Data sets in the format of YOLO trainers: a data.yaml, and a text file of boxes per image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles, resolve_path
from diode_pl.io.annotation import Annotation, clip_box
from diode_pl.io.listing import list_images
from diode_pl.provenance import Provenance

_ROUNDING = 1e-3  # files with few decimals exceed the image by this much


class Yolo(ImageFiles):
    """Images with label files of lines ``class cx cy w h``; an image without a label file has no boxes.

    Args:
        root: the data.yaml or its folder.
        split: key of data.yaml: ``train``, ``val`` or ``test``.
        resolution, provenance, limit, labeled, max_bad, subset: see :class:`ImageFiles`.

    Raises:
        ValueError: if a file does not exist, data.yaml is incomplete, no image has a label file, or too much is bad.

    Example:
        >>> import tempfile; root = Path(tempfile.mkdtemp())
        >>> text = {"data.yaml": "{val: list.txt, names: [mug]}", "list.txt": "1.png", "1.txt": "0 0.25 0.5 0.5 1"}
        >>> _ = [(root / name).write_text(line) for name, line in text.items()]
        >>> Yolo(root, split="val", resolution=64).annotation(0).boxes
        tensor([[0.0000, 0.0000, 0.5000, 1.0000]])
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        resolution: int,
        provenance: Provenance | str = "proxy images",
        limit: int | None = None,
        labeled: bool = True,
        max_bad: int = 10,
        subset: str | Path | None = None,
    ) -> None:
        path, content = _read_data_yaml(resolve_path(root, split))
        bad_files = BadFileCounter(max_bad)
        names, images = _read_names(content, path), _list_split(content, path, split)
        known, files = [], 0
        for image in images:
            file, objects = _label_path(image), []
            if labeled and file.is_file():
                files += 1
                try:
                    text = file.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError) as error:
                    bad_files.add(str(file), f"{error}; its image is left out")
                    continue
                for number, line in enumerate(text.splitlines(), start=1):
                    try:
                        objects += [_parse_line(line, len(names))] if line.strip() else []
                    except ValueError as error:
                        bad_files.add(f"{file}, line {number}", str(error))
            known.append(Annotation.from_objects(image, objects))
        if labeled and not files:
            raise ValueError(
                f"{path}, {split}: no image has a label file; {images[0]} would have {_label_path(images[0])}"
            )
        super().__init__(known, names, resolution, provenance, bad_files, limit, labeled, subset)


def _read_data_yaml(root: Path) -> tuple[Path, dict[str, Any]]:
    path = root / "data.yaml" if root.is_dir() else root
    if not path.is_file():
        there = ", ".join(str(p) for p in sorted(root.glob("*.y*ml"))) or "no other YAML file either"
        raise ValueError(f"root: {path.resolve()} does not exist ({there}); expected a data.yaml or its folder")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not a readable YAML file: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a data.yaml: it needs train, val or test, and names")
    return path, content


def _read_names(content: dict[str, Any], path: Path) -> list[str]:
    """Class names by label, from a list or a mapping of labels to names."""
    names = content.get("names")
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise ValueError(f"{path}: names must be a list of class names, or map 0, 1, ... to names, got {names!r}")
    # YAML reads a bare yes, no, on or off as true or false.
    if wrong := [name for name in names if isinstance(name, bool) or not isinstance(name, str | int)]:
        raise ValueError(f"{path}: names must be words, got {wrong[0]!r}; write it between quotes")
    return [str(name) for name in names]


def _list_split(content: dict[str, Any], path: Path, split: str) -> list[Path]:
    """Images of a split, in folders or listed in text files."""
    sources = content.get(split)
    if not sources:
        there = ", ".join(key for key in ("train", "val", "test") if content.get(key)) or "none"
        raise ValueError(f"split: {path} has no images for {split!r}; it has them for: {there}")
    base = path.parent / Path(str(content.get("path") or ".")).expanduser()
    images: list[Path] = []
    for source in [sources] if isinstance(sources, str) else sources:
        place = base / Path(str(source)).expanduser()
        if place.is_dir():
            images += list_images(place, recursive=True)
        elif place.is_file() and place.suffix == ".txt":
            lines = place.read_text(encoding="utf-8").splitlines()
            images += [place.parent / line.strip() for line in lines if line.strip()]
        else:
            raise ValueError(
                f"{path}, {split}: {place} is neither a folder nor a list of images (.txt); "
                "write the folder of the data set into its key path"
            )
    if not images:
        raise ValueError(f"{path}, {split}: {sources} lists no image")
    return images


def _label_path(image: Path) -> Path:
    """Path of an image with its last folder ``images`` replaced by ``labels``, and the suffix by ``.txt``."""
    folders = image.parent.parts
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        folders = (*folders[:last], "labels", *folders[last + 1 :])
    return Path(*folders, f"{image.stem}.txt")


def _parse_line(line: str, classes: int) -> tuple[int, Sequence[float]]:
    """Label and corners of one line."""
    try:
        label, cx, cy, w, h = map(float, line.split())
    except ValueError:
        raise ValueError(f"expected five numbers, class cx cy w h, got {line.strip()!r}") from None
    if label not in range(classes):
        raise ValueError(f"class {label:g} is not in names, which has 0 to {classes - 1}")
    if not all(-_ROUNDING <= value <= 1 + _ROUNDING for value in (cx, cy, w, h)):
        raise ValueError(f"expected cx cy w h in units of the image, from 0 to 1, got {line.strip()!r}")
    return int(label), clip_box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
