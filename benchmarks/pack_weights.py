r"""Stores a student's weights in half precision: how the files in diode_pl/io/assets were made.

python train.py +experiment=yolov3_tiny_shapes
python benchmarks/pack_weights.py outputs/yolov3_tiny_shapes/student.safetensors \
    diode_pl/io/assets/yolov3_tiny_shapes.safetensors
python train.py task=evaluate student.weights=diode_pl/io/assets/yolov3_tiny_shapes.safetensors distillation.iou=0.45
"""

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from diode_pl.io.atomic import atomic_write
from diode_pl.io.safetensors import to_safetensors


def main() -> None:
    """Reads, rounds, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="student.safetensors of a training")
    parser.add_argument("target", type=Path, help="the file to write")
    paths = parser.parse_args()
    state = load_file(paths.source)
    with safe_open(paths.source, "pt") as source:
        # The fingerprint was that of the unrounded weights.
        metadata = {name: text for name, text in source.metadata().items() if name != "fingerprint"}
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    for name, value in rounded.items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{name} has numbers beyond half precision")
    atomic_write(paths.target, to_safetensors(rounded, metadata))
    print(f"{paths.target}: {paths.target.stat().st_size / 1e6:.2f} MB, {metadata}")


if __name__ == "__main__":
    main()
