"""Folders of images without labels."""

from pathlib import Path

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles, require_folder
from diode_pl.io.annotation import Annotation
from diode_pl.io.listing import list_images
from diode_pl.io.split_path import resolve_path
from diode_pl.provenance import Provenance


class ImageFolder(ImageFiles):
    """The unlabeled images of a folder and its subfolders.

    Args:
        root: folder of the data set.
        folder: of the images, relative to ``root``.
        split: replaces ``{split}`` in ``root`` and ``folder``.
        resolution, provenance, limit, max_bad, subset: see :class:`ImageFiles`.

    Raises:
        ValueError: if the folder does not exist or contains no images.

    Example:
        >>> import tempfile; from PIL import Image
        >>> Image.new("RGB", (16, 8)).save(Path(root := tempfile.mkdtemp(), "black.png"))
        >>> ImageFolder(root, resolution=64)[0].image.shape
        torch.Size([3, 64, 64])
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
        subset: str | Path | None = None,
    ) -> None:
        base = require_folder(resolve_path(root, split), "root", "the data set")
        paths = list_images(require_folder(base / resolve_path(folder, split), "folder", "the images"), recursive=True)
        empty = Annotation.from_objects(base, [])  # one for all: there may be a million
        annotations = [Annotation(path, empty.boxes, empty.labels, None) for path in paths]
        super().__init__(annotations, (), resolution, provenance, BadFileCounter(max_bad), limit, False, subset)
