"""Data sets with Pascal VOC's XML files."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles
from diode_pl.data.readers.paths import require_folder, resolve_path
from diode_pl.io.annotation import Annotation, clip_box
from diode_pl.io.images import SUFFIXES, read_pixels
from diode_pl.provenance import Provenance

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on


class Voc(ImageFiles):
    """Images with the boxes of an XML file each.

    Args:
        root: folder of the data set, ``VOCdevkit/VOC2012`` for instance.
        split: of ``ImageSets/Main``; None takes every XML file. It is also filled in where a path says ``{split}``.
        resolution: height and width of every image in pixels.
        annotations: folder of the XML files, relative to ``root``.
        images: folder of the image files, relative to ``root``.
        class_names: by label; None collects them from the XML files, in alphabetical order.
        provenance: the data access level that training on this set adds (``real images``, ``proxy images``, ...).
        limit: at most this many images, spread over all; None takes all.
        labeled: False hands out no boxes.
        max_bad: at most this many bad annotations and unreadable images are skipped.
        difficult: True takes the boxes, too, that are marked as difficult.

    Raises:
        ValueError: a folder or file is not there, or too much is bad.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None,
        resolution: int,
        annotations: str = "Annotations",
        images: str = "JPEGImages",
        class_names: Sequence[str] | None = VOC_CLASSES,
        provenance: Provenance | str = "real images",
        limit: int | None = None,
        labeled: bool = True,
        max_bad: int = 10,
        difficult: bool = False,
    ) -> None:
        base, bad_files = require_folder(resolve_path(root, split), "root", "the data set"), BadFileCounter(max_bad)
        folder = require_folder(base / resolve_path(annotations, split), "annotations", "the XML files")
        pictures = require_folder(base / resolve_path(images, split), "images", "the images")
        paths = sorted(folder.glob("*.xml")) if split is None else _list_split(base, split, folder)
        if not paths:
            raise ValueError(f"annotations: {folder.resolve()} holds no XML file of split {split}")
        read = []
        for path in paths:
            try:
                page = ElementTree.parse(path).getroot()
                image = _find_image(page, path, pictures)
                width, height = _read_size(page, image)
            # A file in an unknown encoding is a LookupError.
            except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
                bad_files.add(str(path), f"{error}; its image is left out")
                continue
            things = []
            for number, thing in enumerate(page.findall("object"), start=1):
                if _find_text(thing, "difficult") == "1" and not difficult:
                    continue
                try:
                    things.append((_read_name(thing, class_names), _read_box(thing, width, height)))
                except ValueError as error:
                    bad_files.add(f"{path}: object {number}", str(error))
            read.append((image, things, (height, width)))
        names = sorted({n for _, things, _ in read for n, _ in things}) if class_names is None else list(class_names)
        label = {name: i for i, name in enumerate(names)}
        known = [
            Annotation.from_objects(image, [(label[name], box) for name, box in things], size)
            for image, things, size in read
        ]
        super().__init__(known, names, resolution, provenance, bad_files, limit, labeled)


def _list_split(root: Path, split: str, annotations: Path) -> list[Path]:
    """The XML files that a split lists; a list of one class has a second column, which says whether it is there."""
    path = root / "ImageSets" / "Main" / f"{split}.txt"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.txt"))) or "none"
        raise ValueError(f"split: {path} is not there, of {there}; null takes every file in {annotations}")
    return [annotations / f"{line.split()[0]}.xml" for line in path.read_text().splitlines() if line.strip()]


def _find_text(node: ElementTree.Element, path: str) -> str:
    return (node.findtext(path) or "").strip()


def _find_image(page: ElementTree.Element, path: Path, folder: Path) -> Path:
    """Where the image lies: labeling programs often write the name of a file that was renamed or converted since."""
    name = _find_text(page, "filename")
    candidates = [name] if name else []
    candidates += [f"{path.stem}{suffix}" for suffix in (".jpg", *sorted(SUFFIXES), ".JPG", ".JPEG", ".PNG")]
    return next(
        (folder / candidate for candidate in candidates if (folder / candidate).is_file()), folder / candidates[0]
    )


def _read_size(page: ElementTree.Element, image: Path) -> tuple[float, float]:
    """Width and height in pixels, of the image file where the XML file declares none."""
    try:
        width, height = float(_find_text(page, "size/width")), float(_find_text(page, "size/height"))
    except ValueError:
        width = height = 0.0
    if not (width > 0 and height > 0):
        height, width = map(float, read_pixels(image)[1])
    return width, height


def _read_name(thing: ElementTree.Element, class_names: Sequence[str] | None) -> str:
    name = _find_text(thing, "name")
    if not name:
        raise ValueError("it has no name")
    if class_names is not None and name not in class_names:
        raise ValueError(f"{name!r} is none of class_names; null for class_names takes those of the files")
    return name


def _read_box(thing: ElementTree.Element, width: float, height: float) -> tuple[float, float, float, float]:
    texts = [_find_text(thing, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    try:
        x1, y1, x2, y2 = map(float, texts)
    except ValueError:
        raise ValueError(f"expected numbers in bndbox (xmin, ymin, xmax, ymax), got {texts}") from None
    try:
        # Pixels count from 1, and the last one belongs to the box: the box ends where that pixel ends.
        return clip_box((x1 - 1) / width, (y1 - 1) / height, x2 / width, y2 / height)
    except ValueError as error:
        raise ValueError(f"{error}: bndbox {texts} in {width:g} x {height:g} pixels") from None
