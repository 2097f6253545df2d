"""A COCO annotation file, written entry by entry.

Written by hand: pycocotools only reads, and packages that write depend on OpenCV. An entry is an image of a batch
record: ``id``, ``file_name``, ``width``, ``height``, ``labels``, ``boxes`` (absolute x, y, w, h). It may have further
fields, which COCO tools ignore.
"""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

_SPOOL = 2**26  # bytes of annotations that are kept in memory


class CocoWriter:
    """Writes a COCO annotation file entry by entry, so that the memory does not grow with the set.

    Categories count from 1 in the order of the names.

    Args:
        file: open for writing.
        class_names: by label.

    Example:
        >>> file = io.BytesIO()
        >>> CocoWriter(file, ["mug"]).close()
        >>> file.getvalue()
        b'{"images": [], "categories": [{"id": 1, "name": "mug"}], "annotations": []}'
    """

    def __init__(self, file: io.BufferedIOBase, class_names: Sequence[str]) -> None:
        self._file, self._names, self._images, self._boxes = file, class_names, 0, 0
        # They come after all images.
        self._annotations = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115
        file.write(b'{"images": [')

    def add(
        self,
        entries: Sequence[Mapping[str, Any]],
        more: Sequence[Mapping[str, Any]] = (),
        more_of_boxes: Sequence[Sequence[Mapping[str, Any]]] = (),
    ) -> None:
        """Adds images with their boxes.

        Args:
            entries: images.
            more: further fields of each image.
            more_of_boxes: of each image, further fields of each of its boxes.
        """
        for i, entry in enumerate(entries):
            image = {key: entry[key] for key in ("id", "file_name", "width", "height")} | dict(more[i] if more else {})
            fields = more_of_boxes[i] if more_of_boxes else [{}] * len(entry["boxes"])
            self._file.write((", " * bool(self._images) + json.dumps(image)).encode())
            self._images += 1
            for label, box, others in zip(entry["labels"], entry["boxes"], fields, strict=True):
                # pycocotools takes an annotation id of 0 for "no match": count from 1.
                annotation = {"id": self._boxes + 1, "image_id": entry["id"], "category_id": label + 1, "bbox": box}
                annotation |= {"area": box[2] * box[3], "iscrowd": 0, **others}
                self._annotations.write((", " * bool(self._boxes) + json.dumps(annotation)).encode())
                self._boxes += 1

    def close(self) -> None:
        """Writes what comes after the images; the file stays open."""
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(self._names)]
        self._file.write(f'], "categories": {json.dumps(categories)}, "annotations": ['.encode())
        self._annotations.seek(0)
        shutil.copyfileobj(self._annotations, self._file)
        self._annotations.close()
        self._file.write(b"]}")


def to_coco_json(entries: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> bytes:
    """A COCO annotation file; categories count from 1 in the order of the names."""
    file = io.BytesIO()
    writer = CocoWriter(file, class_names)
    writer.add(entries)
    writer.close()
    return file.getvalue()
