"""Data sets in the format of Pascal VOC."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles, require_folder, resolve_path
from diode_pl.io.annotation import Annotation, clip_box
from diode_pl.io.decoding import read_picture
from diode_pl.io.formats import SHARED_SUFFIXES, readable_suffixes
from diode_pl.provenance import Provenance

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
_USUAL = (".jpg", ".jpeg", ".png", ".bmp", ".webp")  # are looked for first


class Voc(ImageFiles):
    """Images with one XML file of boxes each.

    Args:
        root: folder of the data set, for instance ``VOCdevkit/VOC2012``.
        split: of ``ImageSets/Main``, also replaces ``{split}`` in the paths; None for every XML file.
        annotations, images: folders of the XML and image files, relative to ``root``; None takes ``Annotations`` or
            ``annotations``, and ``JPEGImages`` or ``images``.
        class_names: by label; None takes those of the XML files in alphabetical order, or Pascal VOC's 20 if no other
            occurs.
        difficult: whether to include boxes marked as difficult.
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
        paths = sorted(folder.glob("[!.]*.xml")) if split is None else _list_split(base, split, folder)
        if not paths:
            raise ValueError(f"annotations: {folder.resolve()} contains no XML file of split {split}")
        read = []
        for path in paths:
            try:
                page = ElementTree.parse(path).getroot()
                image = _find_image(page, path, pictures)
                width, height = _read_size(page, image)
            except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: encoding
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
        if class_names is None:
            found = {name for _, things, _ in read for name, _ in things}
            class_names = VOC_CLASSES if found <= {*VOC_CLASSES} else sorted(found)
        names = list(class_names)
        label = {name: i for i, name in enumerate(names)}
        known = [
            Annotation.from_objects(path, [(label[n], box) for n, box in things], size) for path, things, size in read
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


def _list_split(root: Path, split: str, annotations: Path) -> list[Path]:
    """XML files of a split; the list of a single class has a second column, whether an image shows it."""
    path = root / "ImageSets" / "Main" / f"{split}.txt"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.txt"))) or "none"
        raise ValueError(f"split: {path} does not exist, only {there}; None takes every file in {annotations}")
    return [annotations / f"{line.split()[0]}.xml" for line in path.read_text().splitlines() if line.strip()]


def _find_text(node: ElementTree.Element, path: str) -> str:
    return (node.findtext(path) or "").strip()


def _find_image(page: ElementTree.Element, path: Path, folder: Path) -> Path:
    """Path of the image: labeling tools often write the name of a file that was renamed or converted since."""
    suffixes = (*_USUAL, *map(str.upper, _USUAL), *sorted(readable_suffixes() - SHARED_SUFFIXES))
    names = [f"{path.stem}{suffix}" for suffix in suffixes]
    candidates = [folder / name for name in (_find_text(page, "filename"), *names) if name]
    return next((candidate for candidate in candidates if candidate.is_file()), candidates[0])


def _read_size(page: ElementTree.Element, image: Path) -> tuple[float, float]:
    """Width and height in pixels, from the image file if the XML file does not state them."""
    try:
        width, height = float(_find_text(page, "size/width")), float(_find_text(page, "size/height"))
    except ValueError:
        width = height = 0.0
    if not (width > 0 and height > 0):
        width, height = map(float, read_picture(image).size)
    return width, height


def _read_name(thing: ElementTree.Element, class_names: Sequence[str] | None) -> str:
    name = _find_text(thing, "name")
    if not name:
        raise ValueError("it has no name")
    if class_names is not None and name not in class_names:
        raise ValueError(f"{name!r} is none of class_names; None for class_names takes those of the files")
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
