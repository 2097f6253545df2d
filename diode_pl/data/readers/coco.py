"""Data sets with a COCO annotation file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.files import ImageFiles, require_folder
from diode_pl.io.coco import read_coco
from diode_pl.io.split_path import resolve_path
from diode_pl.io.text_files import describe_no_file
from diode_pl.provenance import Provenance


class Coco(ImageFiles):
    """Images with the boxes of a COCO annotation file; crowds are ignored regions.

    Boxes without area are bad; COCO train2017 contains two, so ``max_bad=0`` rejects it. Images that share an id are
    all bad; images that share a file are one, with the boxes of all.

    Args:
        root: folder of the data set.
        split: replaces ``{split}`` in the paths.
        images: folder of the image files, relative to ``root``.
        annotations: JSON file, relative to ``root``.
        resolution, provenance, limit, labeled, max_bad, subset: see :class:`ImageFiles`.
        skip: whether to leave out an entry of an image or an annotation.

    Raises:
        ValueError: if a path does not exist, the file is not a COCO annotation file, or too much of it is bad.

    Example:
        >>> import tempfile; from diode_pl.data.synthetic.coco_writer import to_coco_json
        >>> entry = {"id": 1, "file_name": "1.png", "width": 8, "height": 8, "labels": [0], "boxes": [[0, 0, 4, 8]]}
        >>> _ = Path(root := tempfile.mkdtemp(), "boxes.json").write_bytes(to_coco_json([entry], ["mug"]))
        >>> Coco(root, split=None, images=".", annotations="boxes.json", resolution=64).annotation(0).boxes
        tensor([[0.0000, 0.0000, 0.5000, 1.0000]])
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
        subset: str | Path | None = None,
        skip: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        base = require_folder(resolve_path(root, split), "root", "the data set")
        path, bad_files = base / resolve_path(annotations, split), BadFileCounter(max_bad)
        folder = require_folder(base / resolve_path(images, split), "images", "the images")
        if not path.is_file():
            raise ValueError(f"annotations: {describe_no_file(path)}; expected the JSON file of the boxes")
        known, names = read_coco(path, lambda name, reason: bad_files.add(f"{path}: {name}", reason), folder, skip)
        if not known:
            raise ValueError(f"{path} lists no image that can be used{bad_files.last}")
        super().__init__(known, names, resolution, provenance, bad_files, limit, labeled, subset)
