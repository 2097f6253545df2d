"""Data sets in the format of Pascal VOC."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles, require_folder
from diode_pl.data.readers.voc_pictures import PictureFinder
from diode_pl.io.annotation import Annotation
from diode_pl.io.background import is_background, report_background
from diode_pl.io.decoding import read_picture
from diode_pl.io.ignored import Ignored
from diode_pl.io.quoting import quote
from diode_pl.io.split_path import resolve_path
from diode_pl.io.voc import Page, Thing, is_difficult, read_name, read_object
from diode_pl.io.written_paths import read_list, resolve_written
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on


class Voc(ImageFiles):
    """Images with one XML file of boxes each, which belongs to the image of its own name if there is one.

    How many XML files have no object is logged, and how many objects of ``__background__`` are left out.

    Args:
        root: folder of the data set, for instance ``VOCdevkit/VOC2012``.
        split: of ``ImageSets/Main``, also replaces ``{split}`` in the paths; None for every XML file.
        annotations, images: folders of the XML and image files, relative to ``root``; None takes ``Annotations`` or
            ``annotations``, and ``JPEGImages`` or ``images``.
        class_names: by label; None takes those of the XML files in alphabetical order, or Pascal VOC's 20 if no other
            occurs.
        difficult: whether boxes marked as difficult are labels; otherwise they are ignored regions.
        resolution, provenance, limit, labeled, max_bad, subset: see :class:`ImageFiles`.

    Raises:
        ValueError: if a path does not exist, or too much is bad.

    Example:
        >>> import tempfile
        >>> box, size = "<xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>8</ymax>", "<width>8</width><height>8</height>"
        >>> page = f"<a><size>{size}</size><object><name>cat</name><bndbox>{box}</bndbox></object></a>"
        >>> _ = Path(root := tempfile.mkdtemp(), "1.xml").write_text(page)
        >>> Voc(root, split=None, resolution=64, annotations=".", images=".").annotation(0).boxes
        tensor([[0.0000, 0.0000, 0.5000, 1.0000]])
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None,
        resolution: int,
        annotations: str | None = None,
        images: str | None = None,
        class_names: Sequence[str] | None = None,
        provenance: Provenance | str = "real images",
        limit: int | None = None,
        labeled: bool = True,
        max_bad: int = 10,
        difficult: bool = False,
        subset: str | Path | None = None,
    ) -> None:
        base, bad_files = require_folder(resolve_path(root, split), "root", "the data set"), BadFileCounter(max_bad)
        folder = _find_folder(base, annotations, split, "annotations", ("Annotations", "annotations"), "the XML files")
        pictures = _find_folder(base, images, split, "images", ("JPEGImages", "images"), "the images")
        paths = _list_all(folder) if split is None else _list_split(base, split, folder)
        if not paths:
            raise ValueError(f"annotations: {folder.resolve()} contains no XML file of split {split}")
        find_picture = PictureFinder(pictures)
        read = list[tuple[Path, list[Thing], list[Thing], tuple[float, float]]]()
        without, background = list[str](), list[str]()
        for path in paths:
            try:
                page = Page(path)
                image = find_picture(path, page.filename)
                width, height = page.size or map(float, read_picture(image).size)
            except (OSError, ValueError) as error:
                bad_files.add(str(path), f"{error}; its image is left out")
                continue
            if not page.objects:
                without.append(f"{path}, whose tags are {quote(page.tags)}")
            things, ignored = [], []
            for number, thing in enumerate(page.objects, start=1):
                if is_background(read_name(thing)):
                    background.append(f"object {number} of {path}")
                    continue
                try:
                    if not difficult and is_difficult(thing):
                        ignored.append(read_object(thing, width, height))
                    else:
                        things.append(_require_known(read_object(thing, width, height), class_names))
                except ValueError as error:
                    bad_files.add(f"{path}: object {number}", str(error))
            read.append((image, things, ignored, (height, width)))
        if without and labeled:
            text = "%d of %d XML files have no object, and count as images without any; the first is %s"
            log.warning(text, len(without), len(paths), without[0])
        report_background(base, background)
        if class_names is None:
            found = {name for _, things, _, _ in read for name, _ in things}
            class_names = VOC_CLASSES if found <= {*VOC_CLASSES} else sorted(found)
        names = [name for name in class_names if not is_background(name)]
        label = {name: i for i, name in enumerate(names)}
        known = [
            Annotation.from_objects(
                path,
                [(label[name], box) for name, box in things],
                size,
                ignored=Ignored.from_objects([(label[name], box, False) for name, box in ignored if name in label]),
            )
            for path, things, ignored, size in read
        ]
        super().__init__(known, names, resolution, provenance, bad_files, limit, labeled, subset)


def _find_folder(
    root: Path, given: str | None, split: str | None, key: str, usual: Sequence[str], content: str
) -> Path:
    """The folder ``given``, or the first of the ``usual`` ones that exists."""
    if given is not None:
        return require_folder(root / resolve_path(given, split), key, content)
    there = [root / name for name in usual if (root / name).is_dir()]
    if not there:
        raise ValueError(f"{key}: {root.resolve()} has no folder {' or '.join(usual)}; {key} names that of {content}")
    return there[0]


def _list_all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".xml" and path.name[0] != ".")


def _list_split(root: Path, split: str, annotations: Path) -> list[Path]:
    """XML files of a split; the list of a single class has a second column, whether an image shows it."""
    path = root / "ImageSets" / "Main" / f"{split}.txt"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.txt"))) or "none"
        raise ValueError(f"split: {path} does not exist, only {there}; None takes every file in {annotations}")
    try:
        lines = read_list(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"split: {path} cannot be read: {error}") from error
    return list(dict.fromkeys(_listed(annotations, line) for line in lines))


def _listed(folder: Path, line: str) -> Path:
    whole, first = (resolve_written(folder, f"{name}.xml") for name in (line, re.sub(r"\s+(-1|0|1)$", "", line)))
    return whole if os.path.isfile(whole) else first


def _require_known(thing: Thing, class_names: Sequence[str] | None) -> Thing:
    if class_names is not None and thing.name not in class_names:
        raise ValueError(
            f"{quote(thing.name)} is not one of class_names; None for class_names takes those of the files"
        )
    return thing
