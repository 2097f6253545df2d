"""Distributions of the number of images that are joined into one."""

from pathlib import Path

import torch

from diode_pl.data.tiling.base import MAX_TILES, Tiling
from diode_pl.io.coco import read_coco
from diode_pl.provenance import OBJECT_COUNTS


class Fixed(Tiling):
    """Always the same number; 1 leaves every image unchanged.

    Args:
        tiles: images per tiled image, in [1, 25].

    Raises:
        ValueError: if ``tiles`` is out of range.

    Example:
        >>> Fixed(tiles=4).draw(torch.Generator())
        4
    """

    def __init__(self, tiles: int) -> None:
        if not 1 <= tiles <= MAX_TILES:
            raise ValueError(f"tiles must be in [1, {MAX_TILES}], got {tiles}")
        super().__init__((torch.arange(1, MAX_TILES + 1) == tiles).double())


class Uniform(Tiling):
    """Every number from 1 to ``most``, a number in [1, 25], is equally likely.

    Raises:
        ValueError: if ``most`` is out of range.

    Source: Chawla et al., WACV 2021, table 4, "uniform".

    Example:
        >>> Uniform(most=4).probabilities.tolist()
        [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, most: int = MAX_TILES) -> None:
        if not 1 <= most <= MAX_TILES:
            raise ValueError(f"most must be in [1, {MAX_TILES}], got {most}")
        super().__init__(torch.ones(most, dtype=torch.float64))


class FullGrids(Tiling):
    """A square grid whose side is uniform in [1, ``most_side``]: 1, 4, 9, 16 or 25 images, aspect ratios unchanged.

    Our reading of the paper's "random", which it lists next to "uniform" and does not define.

    Args:
        most_side: maximum number of rows and columns, in [1, 5].

    Raises:
        ValueError: if ``most_side`` is out of range.

    Source: Chawla et al., WACV 2021, table 4, "random".

    Example:
        >>> FullGrids(most_side=2).probabilities[:4].tolist()
        [0.5, 0.0, 0.0, 0.5]
    """

    def __init__(self, most_side: int = 5) -> None:
        if most_side < 1 or most_side**2 > MAX_TILES:
            raise ValueError(f"most_side must be in [1, 5], got {most_side}")
        weights = torch.zeros(MAX_TILES, dtype=torch.float64)
        weights[torch.arange(1, most_side + 1) ** 2 - 1] = 1
        super().__init__(weights)


class Geometric(Tiling):
    """Geometric distribution, as in data sets: few objects are frequent, many are rare.

    It has the maximum entropy of all distributions over 1, 2, ... with a given mean, so only the mean of a data set has
    to be known. Numbers above 25 count as 25, which lowers COCO's mean of 7.3 to 7.1.

    Args:
        mean: before that limit, >= 1.

    Raises:
        ValueError: if ``mean`` is below 1 or not finite.

    Source: Chawla et al., WACV 2021, table 4, "like" a data set, without numbers. Objects per image: Liu et al.,
        "Deep Learning for Generic Object Detection: A Survey", IJCV 2020, table of data sets.

    Example:
        >>> Geometric(mean=2.0).probabilities[:3].tolist()
        [0.5, 0.25, 0.125]
    """

    def __init__(self, mean: float) -> None:
        if not 1 <= mean < float("inf"):
            raise ValueError(f"mean must be finite and >= 1, got {mean}")
        reached = (1 - 1 / mean) ** torch.arange(MAX_TILES + 1, dtype=torch.float64)  # P(more than 0, 1, ...)
        reached[MAX_TILES] = 0
        super().__init__(reached[:-1] - reached[1:])


class FromDataset(Tiling):
    """Histogram of the objects per image in the COCO annotation file ``path``.

    Images without objects and crowd boxes are left out; more than 25 objects count as 25.

    Raises:
        ValueError: if ``path`` is not a COCO annotation file or none of its images has a box.

    Example:
        >>> import tempfile; from diode_pl.data.synthetic.coco_writer import to_coco_json
        >>> entry = {"id": 1, "file_name": "1.png", "width": 8, "height": 8, "labels": [0], "boxes": [[0, 0, 4, 8]]}
        >>> path = Path(tempfile.mkdtemp(), "boxes.json")
        >>> _ = path.write_bytes(to_coco_json([entry], ["mug"]))
        >>> FromDataset(path).draw(torch.Generator())
        1
    """

    provenance = OBJECT_COUNTS

    def __init__(self, path: str | Path) -> None:
        counts = torch.tensor([len(image.labels) for image in read_coco(path)[0]], dtype=torch.long)
        if not counts.any():
            raise ValueError(f"path: no image of {path} has a box")
        super().__init__(torch.bincount(counts.clamp(max=MAX_TILES), minlength=MAX_TILES + 1)[1:].double())
