"""How near do synthetic images come to the pictures that their teacher was trained on?

    python -m benchmarks.nearest_neighbors runs/cards/teacher/student.safetensors runs/cards/images/images \\
        --trained-on CARDS/JPEGImages --train-list CARDS/ImageSets/Main/train.txt --output runs/cards/neighbors.png

For each image, the nearest of the training pictures: in pixels (root mean square difference at 64 px, stretched, the
better of the two with and without a flip) and in the teacher's features (cosine similarity of the inputs of its heads,
averaged over all positions). Held-out pictures, which the teacher has never seen, are measured in the same way, for
comparison. In pixels, flat images are near to any bland picture. The picture shows the nearest pairs: look at them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from torch import Tensor

    from diode_pl.detector import Detector

_PIXELS = 64  # height and width at which pixels are compared
_SHOWN = 8


class Neighbors(NamedTuple):
    """The nearest training picture of each image: how near, and which."""

    difference: "Tensor"
    nearest_in_pixels: "Tensor"
    similarity: "Tensor"
    nearest_in_features: "Tensor"


def embed(detector: "Detector", images: "Tensor", batch: int = 16) -> "Tensor":
    """Unit vectors ``(n, c)`` of images: the inputs of the detector's heads, averaged over all positions."""
    import torch
    from torch.nn import functional

    with torch.no_grad():
        parts = [[each.mean((2, 3)) for each in detector(part).features] for part in images.split(batch)]
    return functional.normalize(torch.cat([torch.cat(part, 1) for part in parts]), dim=1)


def find_neighbors(detector: "Detector", images: "Tensor", references: "Tensor") -> Neighbors:
    """The nearest of the ``references`` of each image, both ``(n, 3, r, r)`` in [0, 1]."""
    import torch
    from torch.nn import functional

    small, others = (
        functional.interpolate(each, (_PIXELS, _PIXELS), mode="bilinear", antialias=True)
        for each in (images, references)
    )
    width = others[0].numel() ** 0.5
    ways = [torch.cdist(each.flatten(1), others.flatten(1)) / width for each in (small, small.flip(3))]
    difference, nearest = torch.minimum(*ways).min(dim=1)
    similarity, alike = (embed(detector, images) @ embed(detector, references).T).max(dim=1)
    return Neighbors(difference, nearest, similarity, alike)


def neighbor_table(rows: dict[str, Neighbors]) -> list[list[str]]:
    """Headings, then a row for each group of images."""
    headings = ["images", "number", "pixels: median", "nearest", "features: median", "nearest"]
    table = [headings]
    for name, found in rows.items():
        pixels, features = found.difference, found.similarity
        numbers = (pixels.median(), pixels.min(), features.median(), features.max())
        table.append([name, str(len(pixels)), *(f"{float(number):.3f}" for number in numbers)])
    return table


def draw_pairs(found: Neighbors, images: "Tensor", references: "Tensor", path: Path) -> None:
    """Draws the images nearest to a training picture, each with it below: first by pixels, then by features."""
    from diode_pl.io.atomic import write_picture
    from diode_pl.io.images import make_grid, to_pillow

    rows = []
    by_pixels, by_features = found.difference.argsort(), found.similarity.argsort(descending=True)
    for order, nearest in ((by_pixels, found.nearest_in_pixels), (by_features, found.nearest_in_features)):
        shown = order[:_SHOWN]
        rows += [*images[shown], *references[nearest[shown]]]
    write_picture(path, make_grid([to_pillow(each) for each in rows], min(_SHOWN, len(images))))


def read_listed(folder: Path, text: Path, resolution: int) -> tuple["Tensor", "Tensor"]:
    """Pictures of a folder, stretched: those that a text file lists, one name a line, and the others.

    Raises:
        ValueError: if none is listed, or all are.
    """
    from diode_pl.io.images import read_images
    from diode_pl.io.listing import list_images

    names = {Path(line.split()[0]).stem for line in text.read_text().splitlines() if line.strip()}
    paths = list_images(folder, recursive=True)
    parts: list[Sequence[Path]] = [
        [path for path in paths if (path.stem in names) is listed] for listed in (True, False)
    ]
    if not all(parts):
        raise ValueError(
            f"{text}: names {len(parts[0])} of the {len(paths)} images of {folder}; some, and not all, must be"
        )
    listed, others = (read_images(part, resolution) for part in parts)
    return listed, others


def main() -> None:
    """Prints the table in Markdown, and draws the nearest pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, help="weights file of the teacher: student.safetensors of its training")
    parser.add_argument("images", type=Path, help="folder of the synthetic images")
    parser.add_argument(
        "--trained-on", type=Path, required=True, help="folder of the pictures that trained the teacher"
    )
    parser.add_argument("--train-list", type=Path, required=True, help="names of those trained on; others are held out")
    parser.add_argument("--output", type=Path, help="picture of the nearest pairs")
    options = parser.parse_args()

    from benchmarks.jobs import print_table
    from diode_pl.detector import load_weights_file
    from diode_pl.detector.weights_file import stored_resolution
    from diode_pl.io.images import read_folder

    detector, side = load_weights_file(options.teacher).freeze(), stored_resolution(options.teacher)
    images = read_folder(options.images, side)
    trained_on, held_out = read_listed(options.trained_on, options.train_list, side)
    found = find_neighbors(detector, images, trained_on)
    rows = {"synthetic images": found, "held-out pictures": find_neighbors(detector, held_out, trained_on)}
    print_table(iter(neighbor_table(rows)))
    if options.output:
        draw_pairs(found, images, trained_on, options.output)


if __name__ == "__main__":
    main()
