"""Published weights on real photographs: what they find is there."""

import json
from pathlib import Path

import pytest
import torch
from torchvision.ops import box_iou

from diode_pl.detector import Darknet
from diode_pl.images import read_image


def load(folder: Path) -> Darknet:
    cfg, weights, names = (next(folder.glob(f"*.{end}")) for end in ("cfg", "weights", "names"))
    detector = Darknet(cfg, weights, names)
    detector.freeze()
    return detector


@pytest.mark.parametrize(
    ("name", "parameters", "norms", "backbone"),
    [
        ("mobilenetv2-yolov3-nano-coco", 873_150, 57, 48),
        ("mobilenetv2-yolov3-nano-voc", 751_830, 57, 48),
        ("yolo-fastest-1.1-coco", 332_798, 82, 73),
        ("yolo-fastest-1.1-xl-coco", 898_686, 82, 73),
    ],
)
def test_published_weights_load(shared_data: Path, name: str, parameters: int, norms: int, backbone: int) -> None:
    detector = load(shared_data / "weights" / name)
    assert sum(p.numel() for p in detector.parameters()) == parameters
    assert len(detector.norm_layers()) == norms and detector.backbone_norm_layers == backbone
    assert detector.stride == 32 and detector(torch.rand(1, 3, 64, 64)).strides == (32, 16)


@pytest.mark.parametrize("name", ["mobilenetv2-yolov3-nano-coco", "yolo-fastest-1.1-xl-coco"])
def test_large_objects_are_found(shared_data: Path, name: str) -> None:
    """Most objects that fill a quarter of their image or more are found, with the right class, in the right place."""
    folder = shared_data / "coco_val2017_subset"
    truth = json.loads((folder / "instances_val2017_subset.json").read_text())
    label = {c["id"]: i for i, c in enumerate(truth["categories"])}  # detectors keep COCO's order, though not its names
    large = []
    for image in truth["images"]:
        own = [a for a in truth["annotations"] if a["image_id"] == image["id"] and not a["iscrowd"]]
        area = image["width"] * image["height"]
        large += [(image, a) for a in own if len(own) <= 2 and a["bbox"][2] * a["bbox"][3] > area / 4]
    large = large[:24]
    images = torch.stack([read_image(folder / "images" / image["file_name"], 320) for image, _ in large])
    detector, hits = load(shared_data / "weights" / name), 0
    with torch.no_grad():
        detections = detector.predict(detector(images), confidence=0.2)
    for (image, annotation), found in zip(large, detections, strict=True):
        x, y, w, h = annotation["bbox"]
        box = torch.tensor([[x, y, x + w, y + h]]) / torch.tensor([image["width"], image["height"]]).repeat(2)
        right = found.labels == label[annotation["category_id"]]
        hits += bool((box_iou(found.boxes[right], box) > 0.5).any())
    assert len(large) == 24 and hits >= 16
