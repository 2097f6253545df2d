"""Image files and their annotations."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from diode_pl.data.readers.base import BadFileCounter, BadImage, Example, ImageSet
from diode_pl.data.readers.subset import select_listed
from diode_pl.io.annotation import Annotation
from diode_pl.io.ignored import Ignored
from diode_pl.io.images import read_pixels
from diode_pl.provenance import Provenance

_UNKNOWN = (0.0, 0.0)  # the size of an image whose annotations declare none


def require_folder(path: Path, name: str, content: str) -> Path:
    """Returns the path of a folder.

    Raises:
        ValueError: if it does not exist; the message states the ``name`` of the argument and the expected ``content``.
    """
    if not path.is_dir():
        raise ValueError(f"{name}: {path.resolve()} is not a folder; expected that of {content}")
    return path


def _require_shape(annotation: Annotation, size: tuple[int, int]) -> None:
    """Raises if the upright ``size`` (height, width) has another aspect ratio than the image of the boxes."""
    if annotation.size is None or not len(annotation.labels):
        return
    (height, width), (rows, columns) = annotation.size, size
    # The smaller of the two is off by up to one pixel where a side was rounded.
    if abs(width * rows - height * columns) > max(width + height, columns + rows):
        raise ValueError(
            f"{annotation.path} has {columns} x {rows} pixels (width x height, EXIF orientation applied), its "
            f"annotations say {width:g} x {height:g}: the boxes would lie elsewhere. Correct width and height in the "
            "annotations, or take a file of the size that the boxes were drawn on"
        )


def _areas(annotation: Annotation) -> Tensor:
    return torch.zeros(len(annotation.labels)) if annotation.areas is None else annotation.areas


def _scale_areas(annotation: Annotation, size: tuple[int, int]) -> Tensor | None:
    """Areas in pixels of the file of ``size``, which may be smaller than the image of the boxes."""
    if annotation.size is None or annotation.areas is None or annotation.size == size:
        return annotation.areas
    return annotation.areas * (size[0] * size[1] / (annotation.size[0] * annotation.size[1]))


class ImageFiles(ImageSet):
    """Base class of the readers of image files.

    An image with boxes whose file has another aspect ratio than its annotation states is bad.

    Args:
        annotations: one per image.
        class_names, resolution, provenance: see :class:`ImageSet`.
        bad_files: counter of the bad annotations; subclasses create it from ``max_bad``, see :class:`ImageSet`.
        limit: maximum number of images, >= 1, a fixed random subset; None for all.
        labeled: whether boxes are returned.
        subset: text file of image names, one per line, as a training with held-out images writes; only these are
            kept. A name with folders matches the end of a path, and may lack the suffix. None for all.

    Raises:
        ValueError: if there are no images, ``limit`` is below 1, or ``subset`` names none of them or one that the
            data set lacks.

    Example:
        >>> known = [Annotation.from_objects(Path("mug.png"), [(0, (0.0, 0.0, 0.5, 1.0))])]
        >>> images = ImageFiles(known, ["mug"], 64, "real images", BadFileCounter(10), limit=None, labeled=True)
        >>> images.annotation(0).labels
        tensor([0])
    """

    def __init__(
        self,
        annotations: Sequence[Annotation],
        class_names: Sequence[str],
        resolution: int,
        provenance: Provenance | str,
        bad_files: BadFileCounter,
        limit: int | None,
        labeled: bool,
        subset: str | Path | None = None,
    ) -> None:
        super().__init__(class_names if labeled else (), resolution, provenance, bad_files.max_bad)
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        if not annotations:
            raise ValueError(f"the data set holds no image{bad_files.last}")
        self.bad_files, self.labeled = bad_files, labeled
        chosen = list(annotations) if subset is None else select_listed(annotations, Path(subset).expanduser())
        if limit is not None and limit < len(chosen):
            # Files are often sorted by class or by place: the first ones would not stand for all.
            drawn = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))[:limit]
            chosen = [chosen[i] for i in drawn.sort().values.tolist()]
        # Few large tensors, not two per image: a tensor that goes to another process may cost it an open file.
        self._paths = [annotation.path for annotation in chosen]
        self._boxes = torch.cat([annotation.boxes for annotation in chosen])
        self._labels = torch.cat([annotation.labels for annotation in chosen])
        self._sizes = torch.tensor([annotation.size or _UNKNOWN for annotation in chosen], dtype=torch.float64)
        self._ends = torch.tensor([len(annotation.labels) for annotation in chosen]).cumsum(0)
        self._areas = torch.cat([_areas(annotation) for annotation in chosen])
        self._ignored = Ignored.cat([annotation.ignored for annotation in chosen if annotation.ignored is not None])
        self._ignored_ends = torch.tensor([len(annotation.ignored or ()) for annotation in chosen]).cumsum(0)

    def annotation(self, i: int) -> Annotation:
        """Annotation of image ``i``, without reading the image.

        Raises:
            IndexError: if ``i`` is out of range.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"image {i} of {len(self)}")
        boxes, regions = self._range(self._ends, i), self._range(self._ignored_ends, i)
        height, width = self._sizes[i].tolist()
        size = None if (height, width) == _UNKNOWN else (height, width)
        return Annotation(
            self._paths[i],
            self._boxes[boxes].clone(),
            self._labels[boxes].clone(),
            size,
            areas=self._areas[boxes].clone(),
            # Few images have any, and each tensor costs those that send it to another process.
            ignored=self._ignored.select(regions) if regions.start < regions.stop else None,
        )

    def _range(self, ends: Tensor, i: int) -> slice:
        first = int(ends[i - 1]) if i else 0
        return slice(first, int(ends[i]) if self.labeled else first)

    def files(self) -> set[Path]:
        return {*self._paths}

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, i: int) -> Example:
        annotation = self.annotation(i)
        try:
            image, size = read_pixels(annotation.path, self.resolution)
            _require_shape(annotation, size)
        except ValueError as error:
            raise BadImage(str(annotation.path), str(error)) from error
        return Example(
            annotation.path,
            annotation.boxes,
            annotation.labels,
            size,
            image,
            areas=_scale_areas(annotation, size),
            ignored=annotation.ignored,
        )
