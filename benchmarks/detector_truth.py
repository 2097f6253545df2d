"""Do the detectors find what is there? AP@0.5 of published weights on real, labeled images.

    python benchmarks/detector_truth.py

Every image is stretched to a square with Pillow's bilinear filter, which averages when it shrinks. Confidence
(objectness times class probability) 0.005, suppression at IoU 0.45, at most 100 detections an image, crowd boxes left
out, the mean over the classes that occur.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from torch import Tensor

    from diode_pl.detector import Darknet
    from diode_pl.targets import Targets

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
IMAGES = "coco_val2017_subset"


class Photographs(NamedTuple):
    """Square images in [0, 1], what they show, and the class names of that."""

    images: "Tensor"
    targets: "Targets"
    names: list[str]


class Score(NamedTuple):
    """What a detector finds, and at what pace in milliseconds an image."""

    ap50: float
    pace: float


def the_file(folder: Path, pattern: str) -> Path:
    """The first file in a folder that matches.

    Raises:
        FileNotFoundError: there is none.
    """
    if found := sorted(folder.glob(pattern)):
        return found[0]
    raise FileNotFoundError(f"{folder} {'holds no ' + pattern if folder.is_dir() else 'does not exist'}")


def read_photographs(folder: Path, resolution: int = 320) -> Photographs:
    """Reads the images that ``instances*.json`` lists from ``images/``.

    Raises:
        FileNotFoundError: there is no such JSON, or an image is missing.
    """
    import torch

    from diode_pl.io.coco import read_coco
    from diode_pl.io.images import read_image
    from diode_pl.targets import Targets

    labeled, names = read_coco(the_file(folder, "instances*.json"))
    paths = [the_file(folder / "images", str(image.path)) for image in labeled]
    images = torch.stack([read_image(path, resolution) for path in paths])
    return Photographs(images, Targets.from_images([(image.boxes, image.labels) for image in labeled]), names)


def read_detector(folder: Path) -> "Darknet":
    """The frozen detector of a folder that holds a .cfg, .weights and .names.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    from diode_pl.detector import Darknet

    detector = Darknet(*(the_file(folder, f"*.{end}") for end in ("cfg", "weights", "names")))
    detector.freeze()
    return detector


def score(detector: "Darknet", photographs: Photographs, batch: int = 16) -> Score:
    """Runs a detector on all photographs, ``batch`` of them at a time."""
    import torch

    from diode_pl.class_names import match_classes
    from diode_pl.detector import Detections
    from diode_pl.metrics import mean_average_precision

    images, targets, names = photographs
    begin = time.perf_counter()
    with torch.no_grad():
        found = list[Detections]()
        for part in images.split(batch):
            outputs = detector(part)
            outputs.require_finite("detector")
            found += detector.predict(outputs, confidence=0.005, iou=0.45)
    pace = (time.perf_counter() - begin) / len(images) * 1000
    return Score(mean_average_precision(found, targets, match_classes(detector.class_names, names)), pace)


def print_table(options: argparse.Namespace) -> None:
    """Prints one line a detector."""
    weights = options.data / "weights"
    every = sorted({path.parent.name for path in weights.glob("*/*.cfg")})
    if not every:
        the_file(weights, "*/*.cfg")
    photographs = read_photographs(options.data / options.images, options.resolution)
    print(f"{len(photographs.images)} images, {len(photographs.targets)} boxes, {options.resolution} px")
    print(f"{'detector':32} {'parameters':>10} {'classes':>7} {'AP@0.5':>7} {'ms/image':>8}")
    for name in options.detectors or every:
        detector = read_detector(weights / name)
        ap50, pace = score(detector, photographs, options.batch)
        parameters = sum(p.numel() for p in detector.parameters())
        print(f"{name:32} {parameters:>10} {len(detector.class_names):>7} {ap50:>7.3f} {pace:>8.1f}", flush=True)


def main() -> None:
    """Reads the command line; what is missing is said in one sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="holds weights/ and the images, by default %(default)s")
    parser.add_argument("--images", default=IMAGES, help="folder there: images/ and instances*.json")
    parser.add_argument("--detectors", nargs="*", default=[], help="folders in weights/, all when not given")
    parser.add_argument("--resolution", type=int, default=320, help="pixels")
    parser.add_argument("--batch", type=int, default=16)
    try:
        print_table(parser.parse_args())
    except FileNotFoundError as error:
        raise SystemExit(f"{error}: --data must name a folder with weights/ and the images") from error


if __name__ == "__main__":
    main()
