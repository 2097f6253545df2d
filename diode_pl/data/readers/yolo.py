"""Data sets in the format of YOLO trainers: a data.yaml, and a text file of boxes per image."""

import logging
from collections.abc import Sequence
from pathlib import Path

from diode_pl.data.readers.base import BadFileCounter
from diode_pl.data.readers.data_yaml import DataYaml
from diode_pl.data.readers.files import ImageFiles
from diode_pl.io.annotation import Annotation
from diode_pl.io.background import is_background, report_background
from diode_pl.io.split_path import resolve_path
from diode_pl.io.text_files import read_text
from diode_pl.io.yolo import LabelFile, find_label_file, label_paths, parse_labels
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


class Yolo(ImageFiles):
    """Images with label files of lines ``class cx cy w h``, in ``labels`` instead of ``images`` or beside the images.

    An image without a label file has no boxes; how many are without is logged. Equal lines of a file are one box, and
    an image that is listed several times is one image. Boxes of a name ``__background__`` are left out; a warning says
    how many.

    Args:
        root: the data.yaml or its folder.
        split: key of data.yaml: ``train``, ``val`` or ``test``.
        resolution, provenance, limit, labeled, max_bad, subset: see :class:`ImageFiles`.

    Raises:
        ValueError: if a file does not exist, data.yaml is incomplete or ``nc`` is not the number of ``names``, no
            image has a label file, or too much is bad.

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
        data = DataYaml(resolve_path(root, split))
        bad_files, images = BadFileCounter(max_bad), data.list_split(split)
        known, missing, empty, doubled, background = list[Annotation](), list[Path](), 0, list[str](), list[str]()
        classes = [label for label, name in enumerate(data.names) if not is_background(name)]
        for image in images:
            file, content = find_label_file(image) if labeled else None, LabelFile([], [], False)
            if file is None:
                missing.append(image)
            else:
                try:
                    text = read_text(file)
                except (OSError, ValueError) as error:
                    bad_files.add(str(file), f"{error}; its image is left out")
                    continue
                content = parse_labels(text, file, len(data.names), bad_files.add)
            empty += content.empty
            doubled += content.repeated
            objects = [(classes.index(label), box) for label, box in content.objects if label in classes]
            background += [f"that of {file}"] * (len(content.objects) - len(objects))
            known.append(Annotation.from_objects(image, objects))
        report_background(data.path, background)
        if labeled:
            _report(f"{data.path}, {split}", images, missing, empty, doubled)
        super().__init__(
            known, [data.names[label] for label in classes], resolution, provenance, bad_files, limit, labeled, subset
        )


def _report(name: str, images: Sequence[Path], missing: Sequence[Path], empty: int, doubled: Sequence[str]) -> None:
    """Says how many images count as images without objects, and why.

    Raises:
        ValueError: if no image has a label file.
    """
    if len(missing) == len(images):
        would = " or ".join(map(str, label_paths(images[0])))
        raise ValueError(f"{name}: no image has a label file; {images[0]} would have {would}")
    if missing:
        log.warning(
            "%s: %d of %d images have no label file, the first is %s; they count as without objects, as do %d with an "
            "empty one",
            *(name, len(missing), len(images), missing[0], empty),
        )
    if doubled:
        log.warning(
            "%s: %d lines repeat one of their file, the first is %s; each counts once", name, len(doubled), doubled[0]
        )
