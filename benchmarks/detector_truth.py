"""Do the detectors find what is there? AP@0.5 of published weights on real, labelled images.

    python benchmarks/detector_truth.py --data ../shared/data

Every image is stretched to a square with Pillow's bilinear filter, which averages when it shrinks. Confidence
(objectness times class probability) 0.005, suppression at IoU 0.45, at most 100 detections an image, crowd boxes left
out, the mean over the classes that occur.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from diode_pl.class_names import match_classes
from diode_pl.coco import read_coco
from diode_pl.detector import Darknet, Detections
from diode_pl.images import read_image
from diode_pl.metrics import mean_average_precision
from diode_pl.targets import Targets


def read_detectors(folder: Path, wanted: list[str]) -> Iterator[tuple[str, Darknet]]:
    """Every folder that holds a .cfg, .weights and .names, as a frozen detector."""
    for own in sorted(path.parent for path in folder.glob("*/*.cfg")):
        if not wanted or own.name in wanted:
            cfg, weights, names = (next(own.glob(f"*.{end}")) for end in ("cfg", "weights", "names"))
            detector = Darknet(cfg, weights, names)
            detector.freeze()
            yield own.name, detector


@torch.no_grad()
def detect(detector: Darknet, images: torch.Tensor, batch: int) -> list[Detections]:
    """Detections of every image."""
    return [d for part in images.split(batch) for d in detector.predict(detector(part), confidence=0.005, iou=0.45)]


def main() -> None:
    """Prints one line a detector."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds weights/ and the images")
    parser.add_argument("--images", default="coco_val2017_subset", help="folder there: images/ and instances*.json")
    parser.add_argument("--detectors", nargs="*", default=[], help="folders in weights/, all when not given")
    parser.add_argument("--resolution", type=int, default=320, help="pixels")
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    folder = options.data / options.images
    truth, names = read_coco(next(folder.glob("instances*.json")))
    paths = [folder / "images" / image.file_name for image in truth]
    images = torch.stack([read_image(path, options.resolution) for path in paths])
    targets = Targets.of_images([(image.boxes, image.labels) for image in truth])
    print(f"{len(paths)} images, {len(targets)} boxes, {options.resolution} px")
    print(f"{'detector':32} {'parameters':>10} {'classes':>7} {'AP@0.5':>7} {'ms/image':>8}")
    for name, detector in read_detectors(options.data / "weights", options.detectors):
        begin = time.perf_counter()
        found = detect(detector, images, options.batch)
        pace = (time.perf_counter() - begin) / len(paths) * 1000
        score = mean_average_precision(found, targets, match_classes(detector.class_names, names))
        parameters = sum(p.numel() for p in detector.parameters())
        print(f"{name:32} {parameters:>10} {len(detector.class_names):>7} {score:>7.3f} {pace:>8.1f}")


if __name__ == "__main__":
    main()
