"""Image files, and what an annotation format says of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.data.readers.base import BadFileCounter, BadImage, Example, ImageSet
from diode_pl.io.images import read_pixels
from diode_pl.provenance import Provenance

_UNKNOWN = (0.0, 0.0)  # the size of an image whose annotations declare none


@dataclass(frozen=True)
class Annotation:
    """Where an image lies and what is on it.

    Args:
        path: of the image file.
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: positions in the data set's class names.
        size: height and width in pixels that the annotations declare, on which the boxes were drawn; None: they declare
            none.
    """

    path: Path
    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    size: tuple[float, float] | None = None

    @classmethod
    def from_objects(
        cls, path: Path, things: Sequence[tuple[int, Sequence[float]]], size: tuple[float, float] | None = None
    ) -> "Annotation":
        """The same from plain numbers: label and corners of each thing."""
        boxes = torch.tensor([list(box) for _, box in things], dtype=torch.float32).reshape(-1, 4)
        return cls(path, boxes, torch.tensor([label for label, _ in things], dtype=torch.long), size)


def clipped(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """A box without what lies outside of the image; corners in units of image width and height.

    Raises:
        ValueError: a corner is not finite, the box has no area, or all of it lies outside.
    """
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise ValueError("a corner of the box is no finite number")
    if x1 >= x2 or y1 >= y2:
        raise ValueError("the box is inverted or has no area")
    if x1 >= 1 or y1 >= 1 or x2 <= 0 or y2 <= 0:
        raise ValueError("the box lies outside of the image")
    return max(x1, 0.0), max(y1, 0.0), min(x2, 1.0), min(y2, 1.0)


def _require_shape(annotation: Annotation, size: tuple[int, int]) -> None:
    """Refuses an image on which the boxes were not drawn; a resized copy of the same picture will do.

    Args:
        annotation: of the image.
        size: height and width of its file in pixels as they are stored: images are read without turning them as EXIF
            says, and boxes lie on what is read.
    """
    if annotation.size is None or not len(annotation.labels):
        return
    (height, width), (rows, columns) = annotation.size, size
    # The smaller of the two is off by up to one pixel where a side was rounded.
    if abs(width * rows - height * columns) > max(width + height, columns + rows):
        raise ValueError(
            f"{annotation.path} has {columns} x {rows} pixels (width x height, no EXIF orientation applied), its "
            f"annotations say {width:g} x {height:g}: the boxes would lie elsewhere. Correct width and height in the "
            "annotations, or take a file of the size that the boxes were drawn on"
        )


class ImageFiles(ImageSet):
    """Image files with what an annotation format says of them; a reader of a format hands that on.

    An image with boxes whose file has another aspect ratio than its annotations declare is bad.

    Args:
        annotations: one an image.
        class_names: by label.
        resolution: see :class:`ImageSet`.
        provenance: see :class:`ImageSet`.
        faults: what was bad in the annotations already counted.
        limit: takes so many images, drawn once and for all of them alike; None takes all.
        labeled: False hands out no boxes, as if there were none.

    Raises:
        ValueError: there is no image, or ``limit`` is below 1.
    """

    def __init__(
        self,
        annotations: Sequence[Annotation],
        class_names: Sequence[str],
        resolution: int,
        provenance: Provenance | str,
        faults: BadFileCounter,
        limit: int | None,
        labeled: bool,
    ) -> None:
        super().__init__(class_names if labeled else (), resolution, provenance, faults.max_bad)
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        if not annotations:
            raise ValueError("the data set holds no image")
        self.faults, self.labeled = faults, labeled
        chosen = list(annotations)
        if limit is not None and limit < len(chosen):
            # Files are often sorted by class or by place: the first ones would not stand for all.
            drawn = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))[:limit]
            chosen = [chosen[i] for i in drawn.sort().values.tolist()]
        # Few large tensors, not two an image: a tensor that goes to another process may cost it an open file.
        self._paths = [annotation.path for annotation in chosen]
        self._boxes = torch.cat([annotation.boxes for annotation in chosen])
        self._labels = torch.cat([annotation.labels for annotation in chosen])
        self._sizes = torch.tensor([annotation.size or _UNKNOWN for annotation in chosen], dtype=torch.float64)
        self._ends = torch.tensor([len(annotation.labels) for annotation in chosen]).cumsum(0)
        self._bad = torch.zeros(len(chosen), dtype=torch.bool).share_memory_()

    def annotation(self, i: int) -> Annotation:
        """What is known of image ``i`` without reading it; no boxes when ``labeled`` is False.

        Raises:
            IndexError: there is no image ``i``.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"image {i} of {len(self)}")
        first, end = (int(self._ends[i - 1]) if i else 0), int(self._ends[i])
        if not self.labeled:
            end = first
        height, width = self._sizes[i].tolist()
        size = None if (height, width) == _UNKNOWN else (height, width)
        return Annotation(self._paths[i], self._boxes[first:end].clone(), self._labels[first:end].clone(), size)

    def shared_with(self, other: ImageSet) -> int:
        """Number of files that both sets read."""
        return len({*self._paths} & {*other._paths}) if isinstance(other, ImageFiles) else 0

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, i: int) -> Example:
        annotation = self.annotation(i)
        try:
            image, size = read_pixels(annotation.path, self.resolution)
            _require_shape(annotation, size)
        except ValueError as error:
            if not self._bad[i]:
                self._bad[i] = True
                self.faults.add(str(annotation.path), str(error))
            raise BadImage(str(error)) from error
        return Example(image, annotation.boxes, annotation.labels, size, annotation.path.name)
