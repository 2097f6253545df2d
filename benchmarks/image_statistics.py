"""Do images look to a detector like those it learned from?

    python train.py task=tile task.count=256 data@train=shapes train.size=256 tiling=none output_dir=runs/real
    python -m benchmarks.image_statistics embedded runs/scenes runs/plain runs/real

One row for each folder of images, read at the detector's own resolution: mean of all pixels in [0, 1], and the standard
deviation of the pixels of an image, averaged; distance of the inputs of the norm layers from the running statistics
(mean over channels and layers of |difference of means| in standard deviations plus |log of the ratio of variances|), of
the first layer and of all; number of detections an image (score above 0.2, suppression at IoU 0.5), and the longer side
of their boxes as a share of the image's (percentiles 10, 50, 90). Those of the pictures that trained the detector are
what to compare with.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from torch import Tensor

    from diode_pl.detector import Detector

_HEADINGS = ["images", "number", "mean", "contrast", "first layer", "all layers", "boxes", "longer sides"]


def describe(detector: "Detector", images: "Tensor", batch: int = 32) -> list[str]:
    """The row of the table of images ``(n, 3, r, r)`` in [0, 1]."""
    import torch

    from diode_pl.detector import BatchNormRecorder
    from diode_pl.detector.bn_statistics import ChannelStats
    from diode_pl.synthesis.losses.batch_norm_distance import layer_distances

    recorder = BatchNormRecorder(detector.norm_layers())
    moments: list[list[ChannelStats]] = []
    found, weights = [], []
    with torch.no_grad():
        for part in images.split(batch):
            with recorder.recording():
                outputs = detector(part)
            found += detector.predict(outputs, 0.2, 0.5)
            moments.append(recorder.batch)
            weights.append(len(part) / len(images))
    # Moments of all images: variances within the batches, and between their means.
    pooled = []
    for layer in zip(*moments, strict=True):
        mean = sum((w * m.mean for w, m in zip(weights, layer, strict=True)), torch.zeros(()))
        square = sum((w * (m.var + m.mean.square()) for w, m in zip(weights, layer, strict=True)), torch.zeros(()))
        pooled.append(ChannelStats(mean, square - mean.square()))
    distances = layer_distances(pooled, recorder.running, recorder.eps)
    boxes = torch.cat([each.boxes for each in found])
    sides = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1) if len(boxes) else torch.full((1,), torch.nan)
    numbers = [images.mean(), images.flatten(1).std(dim=1).mean(), distances[0], distances.mean()]
    percentiles = sides.quantile(torch.tensor([0.1, 0.5, 0.9])).tolist()
    return [
        str(len(images)),
        *(f"{float(number):.3f}" for number in numbers),
        f"{len(boxes) / len(images):.2f}",
        " ".join(f"{side:.2f}" for side in percentiles),
    ]


def main() -> None:
    """Prints the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", help="weights file, or the word embedded")
    parser.add_argument("folders", type=Path, nargs="+", help="folders of images, or of data sets")
    parser.add_argument("--images", type=int, default=256, help="number of images of each folder, at most")
    options = parser.parse_args()

    from benchmarks.jobs import print_table
    from diode_pl import load_detector
    from diode_pl.detector.weights_file import stored_resolution
    from diode_pl.io.images import read_images
    from diode_pl.io.listing import list_images

    detector = load_detector(weights=options.detector).freeze()
    side = 160 if options.detector == "embedded" else stored_resolution(options.detector)
    rows = [_HEADINGS]
    for folder in options.folders:
        inner = folder / "images" if (folder / "images").is_dir() else folder
        images = read_images(list_images(inner, recursive=True)[: options.images], side)
        rows.append([str(folder), *describe(detector, images)])
    print_table(iter(rows))


if __name__ == "__main__":
    main()
