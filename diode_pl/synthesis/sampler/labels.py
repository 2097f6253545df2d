"""Targets from the annotations of another data set."""

import logging
from pathlib import Path

import torch
from torch import Generator, Tensor

from diode_pl.class_names import match_classes
from diode_pl.io.coco import read_coco
from diode_pl.io.quoting import quote
from diode_pl.provenance import REAL_LABELS
from diode_pl.synthesis.sampler.base import Sampler
from diode_pl.synthesis.sampler.label_prior import LabelPrior
from diode_pl.targets import Targets

log = logging.getLogger(__name__)


class Labels(Sampler):
    """Boxes of a COCO annotation file, image by image, starting over at its end.

    Categories are matched to the teacher's classes by name; crowd boxes and images without a box are ignored.

    Args:
        path: COCO JSON with ``images``, ``categories`` and ``annotations``.

    Raises:
        ValueError: if the file is not a COCO JSON; when sampling, if it has no box, or the teacher was trained on none
            of its classes.

    Source: Chawla et al., WACV 2021, table 3 (upper bound with real labels).

    Example:
        >>> import json, tempfile
        >>> path = Path(tempfile.mkdtemp(), "labels.json")
        >>> box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 32, 64]}
        >>> data = {"images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        ...         "categories": [{"id": 1, "name": "mug"}], "annotations": [box]}
        >>> _ = path.write_text(json.dumps(data))
        >>> Labels(path).sample(0, 1, LabelPrior({"mug": 0}), torch.Generator()).boxes
        tensor([[0.0000, 0.0000, 0.5000, 1.0000]])
    """

    provenance = REAL_LABELS

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._images, self._names = read_coco(path)
        self._filtered: tuple[dict[str, int], list[tuple[Tensor, Tensor]]] | None = None

    def sample(self, first: int, count: int, prior: LabelPrior, generator: Generator) -> Targets:
        usable = self._usable(dict(prior.classes))
        return Targets.from_images([usable[(first + i) % len(usable)] for i in range(count)])

    def _usable(self, classes: dict[str, int]) -> list[tuple[Tensor, Tensor]]:
        if self._filtered is not None and self._filtered[0] == classes:
            return self._filtered[1]
        labels_of = list(classes.values())
        table = torch.tensor([labels_of[i] if i >= 0 else -1 for i in match_classes(self._names, list(classes))])
        unknown = [name for name, label in zip(self._names, table.tolist(), strict=True) if label < 0]
        relabeled = [(image.boxes, table[image.labels]) for image in self._images]
        usable = [(boxes[labels >= 0], labels[labels >= 0]) for boxes, labels in relabeled if (labels >= 0).any()]
        if not any(len(image.labels) for image in self._images):
            raise ValueError(f"{type(self).__name__}: path: no image of {self.path} has a box")
        if not usable:
            raise ValueError(
                f"{type(self).__name__}: path: the teacher was trained on no category of {self.path}: "
                f"{quote(self._names, 300)}"
            )
        if unknown:
            log.warning("the teacher was not trained on %s: their boxes are ignored", ", ".join(unknown))
        self._filtered = classes, usable
        return usable
