"""A teacher to show detector=ultralytics with: the package's own training on a set that anybody can make or have.

    python -m benchmarks.yolo_teacher runs/yolo11n/shapes                  # the embedded world, 160 px
    python -m benchmarks.yolo_teacher runs/yolo11n/cards --voc playing_cards --val test --imgsz 320 --epochs 60 \\
        --model runs/yolo11n/shapes/training/weights/best.pt

Writes the set as a YOLO set, OUTPUT/set, and the training into OUTPUT/training, with weights/best.pt. The package is
licensed under AGPL-3.0.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from diode_pl.data.readers import ImageSet


def write_yolo_set(folder: Path, splits: "dict[str, ImageSet]") -> Path:
    """Writes images and labels of the splits ``train`` and ``val`` to ``folder``; returns the path of its data.yaml.

    Pictures of files are copied as they are, computed ones are written as PNG.
    """
    import json
    import shutil

    import torch
    from torchvision.ops import box_convert

    from diode_pl.io.images import to_pillow

    for split, images in splits.items():
        pictures, labels = folder / "images" / split, folder / "labels" / split
        for each in (pictures, labels):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir(parents=True)
        for i in range(len(images)):
            example = images[i]
            if images.computed:
                to_pillow(example.image / 255).save(pictures / f"{i:06}.png")
            else:
                shutil.copyfile(example.path, pictures / f"{i:06}{example.path.suffix}")
            rows = torch.cat((example.labels[:, None], box_convert(example.boxes, "xyxy", "cxcywh")), dim=1).tolist()
            (labels / f"{i:06}.txt").write_text("".join(f"{int(c)} {x} {y} {w} {h}\n" for c, x, y, w, h in rows))
    names = [f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(splits["train"].class_names)]
    description = f"path: {folder.resolve()}\ntrain: images/train\nval: images/val\nnames:\n{''.join(names)}"
    (folder / "data.yaml").write_text(description)
    return folder / "data.yaml"


def main() -> None:
    """Writes the set, then trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="yolo11n.yaml", help="network of the package, or a .pt file to start from")
    parser.add_argument("--voc", type=Path, help="folder of a VOC set; default: the embedded world")
    parser.add_argument("--val", default="val", help="split of the VOC set to validate on")
    parser.add_argument("--images", type=int, default=6000, help="training images of the embedded world")
    parser.add_argument("--imgsz", type=int, default=160, help="height and width in pixels")
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()

    from ultralytics import YOLO

    from diode_pl.data.readers import Voc
    from diode_pl.shapes import ShapesWorld

    sets: dict[str, ImageSet]
    if arguments.voc is None:
        sizes = {"train": arguments.images, "val": 250}
        sets = {split: ShapesWorld(split, size, arguments.imgsz) for split, size in sizes.items()}
    else:
        sets = {"train": Voc(arguments.voc, "train", arguments.imgsz)}
        sets["val"] = Voc(arguments.voc, arguments.val, arguments.imgsz, class_names=sets["train"].class_names)
    data = write_yolo_set(arguments.output / "set", sets)
    YOLO(arguments.model).train(
        data=data,
        imgsz=arguments.imgsz,
        epochs=arguments.epochs,
        workers=0,
        seed=0,
        # The package's own choice, AdamW at 0.0008 for eight classes, needs many more steps: after 1,000 of 16 images
        # AP@0.5 was 0.23.
        optimizer="AdamW",
        lr0=0.004,
        warmup_epochs=1.0,
        close_mosaic=2,
        project=arguments.output.resolve(),
        name="training",
        exist_ok=True,
    )


if __name__ == "__main__":
    main()
