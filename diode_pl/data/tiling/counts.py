"""How many images are joined into one: the distributions."""

from pathlib import Path

import torch

from diode_pl.data.tiling.base import MOST, Tiling
from diode_pl.io.coco import read_coco
from diode_pl.provenance import OBJECT_COUNTS


class Fixed(Tiling):
    """Always the same number; 1 leaves every image as it is.

    Args:
        tiles: images in one, 1 to 25.

    Raises:
        ValueError: ``tiles`` is out of range.
    """

    def __init__(self, tiles: int) -> None:
        if not 1 <= tiles <= MOST:
            raise ValueError(f"tiles: 1 to {MOST} images in one, got {tiles}")
        super().__init__((torch.arange(1, MOST + 1) == tiles).double())


class Uniform(Tiling):
    """Every number from 1 to ``most`` is equally likely.

    Args:
        most: the most images in one, 1 to 25.

    Raises:
        ValueError: ``most`` is out of range.

    Source: Chawla et al., WACV 2021, table 4, "uniform".
    """

    def __init__(self, most: int = MOST) -> None:
        if not 1 <= most <= MOST:
            raise ValueError(f"most: 1 to {MOST} images in one, got {most}")
        super().__init__(torch.ones(most, dtype=torch.float64))


class FullGrids(Tiling):
    """A square grid whose side is uniform over 1 to ``most_side``: 1, 4, 9, 16 or 25 images, each in its proportions.

    This is how we read the paper's "random", which it lists beside "uniform" and does not define.

    Args:
        most_side: the most rows and columns, 1 to 5.

    Raises:
        ValueError: ``most_side`` is out of range.

    Source: Chawla et al., WACV 2021, table 4, "random".
    """

    def __init__(self, most_side: int = 5) -> None:
        if most_side < 1 or most_side**2 > MOST:
            raise ValueError(f"most_side: 1 to 5 rows and columns, got {most_side}")
        weights = torch.zeros(MOST, dtype=torch.float64)
        weights[torch.arange(1, most_side + 1) ** 2 - 1] = 1
        super().__init__(weights)


class Geometric(Tiling):
    """Falls by the same factor from each number to the next, as in data sets: few objects often, many seldom.

    Of all distributions over 1, 2, ... with a given mean this one assumes least (maximum entropy), so the mean is all
    that has to be known of a data set. What exceeds 25 counts as 25, which lowers COCO's mean of 7.3 to 7.1.

    Args:
        mean: average number before that limit, at least 1.

    Raises:
        ValueError: ``mean`` is below 1 or not finite.

    Source: Chawla et al., WACV 2021, table 4, "like" a data set; it gives no figures. Objects an image: Liu et al.,
        "Deep Learning for Generic Object Detection: A Survey", IJCV 2020, table of data sets.
    """

    def __init__(self, mean: float) -> None:
        if not 1 <= mean < float("inf"):
            raise ValueError(f"mean must be finite and >= 1, got {mean}")
        reached = (1 - 1 / mean) ** torch.arange(MOST + 1, dtype=torch.float64)  # probability of more than 0, 1, ...
        reached[MOST] = 0
        super().__init__(reached[:-1] - reached[1:])


class FromDataset(Tiling):
    """As many as a data set has objects in an image.

    Images without an object are left out, as are crowd boxes; those with more than 25 objects count as 25.

    Args:
        path: COCO JSON with ``images``, ``categories`` and ``annotations``.

    Raises:
        ValueError: if the file is not such a JSON or none of its images has a box.
    """

    provenance = OBJECT_COUNTS

    def __init__(self, path: str | Path) -> None:
        counts = torch.tensor([len(image.labels) for image in read_coco(path)[0]], dtype=torch.long).clamp(max=MOST)
        if not counts.any():
            raise ValueError(f"path: no image of {path} has a box")
        super().__init__(torch.bincount(counts, minlength=MOST + 1)[1:].double())
