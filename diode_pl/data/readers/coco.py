"""Data sets with a COCO annotation file."""

from pathlib import Path

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles
from diode_pl.data.readers.paths import require_folder, resolve_path
from diode_pl.io.coco import read_coco
from diode_pl.provenance import Provenance


class Coco(ImageFiles):
    """Images with the boxes of a COCO annotation file; crowds are left out.

    A box whose width or height is negative or zero is bad, as in the other formats. The annotations of COCO train2017
    hold two of the latter, fewer than ``max_bad`` allows unless told otherwise; with ``max_bad=0`` they stop it. Images
    of one id are bad, all of them.

    Args:
        root: folder of the data set.
        split: is filled in where a path says ``{split}``.
        images: folder of the image files, relative to ``root``.
        annotations: the JSON file, relative to ``root``.
        resolution: height and width of every image in pixels.
        provenance: the data access level that training on this set adds (``real images``, ``proxy images``, ...).
        limit: at most this many images, spread over all; None takes all.
        labeled: False hands out no boxes.
        max_bad: at most this many bad annotations and unreadable images are skipped.

    Raises:
        ValueError: a folder or file is not there, the file is no COCO annotation file, or too much of it is bad.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None,
        images: str,
        annotations: str,
        resolution: int,
        provenance: Provenance | str = "real images",
        limit: int | None = None,
        labeled: bool = True,
        max_bad: int = 10,
    ) -> None:
        base = require_folder(resolve_path(root, split), "root", "the data set")
        path, bad_files = base / resolve_path(annotations, split), BadFileCounter(max_bad)
        folder = require_folder(base / resolve_path(images, split), "images", "the images")
        if not path.is_file():
            raise ValueError(f"annotations: {path.resolve()} does not exist; expected the JSON file of the boxes")
        known, names = read_coco(path, lambda name, reason: bad_files.add(f"{path}: {name}", reason), folder)
        if not known:
            raise ValueError(f"{path} lists no image")
        super().__init__(known, names, resolution, provenance, bad_files, limit, labeled)
