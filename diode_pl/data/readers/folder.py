"""Folders of images without labels."""

from pathlib import Path

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles
from diode_pl.data.readers.paths import require_folder, resolve_path
from diode_pl.io.annotation import Annotation
from diode_pl.io.images import SUFFIXES
from diode_pl.provenance import Provenance


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder and of its subfolders, in the order of their paths.

    Raises:
        ValueError: there is none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder.resolve()} and its subfolders hold no image ({', '.join(sorted(SUFFIXES))})")
    return paths


class ImageFolder(ImageFiles):
    """Every image below a folder; nothing is labeled.

    Args:
        root: of the data set.
        resolution: height and width of every image in pixels.
        folder: which is searched, with its subfolders; relative to ``root``.
        split: is filled in where ``root`` or ``folder`` says ``{split}``.
        provenance: the data access level that training on this set adds (``real images``, ``proxy images``, ...).
        limit: at most this many images, spread over all; None takes all.
        max_bad: at most this many unreadable images are skipped.

    Raises:
        ValueError: if the folder does not exist or contains no images.
    """

    def __init__(
        self,
        root: str | Path,
        resolution: int,
        folder: str = ".",
        split: str | None = None,
        provenance: Provenance | str = "proxy images",
        limit: int | None = None,
        max_bad: int = 10,
    ) -> None:
        base = require_folder(resolve_path(root, split), "root", "the data set")
        paths = list_images(require_folder(base / resolve_path(folder, split), "folder", "the images"))
        # One for all: there may be a million.
        nothing = Annotation.from_objects(base, [])
        annotations = [Annotation(path, nothing.boxes, nothing.labels, None) for path in paths]
        super().__init__(annotations, (), resolution, provenance, BadFileCounter(max_bad), limit, labeled=False)
