import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from diode_pl.data import Batch, DetectionData
from diode_pl.data.readers import Coco
from diode_pl.data.tiling import Fixed
from diode_pl.detector import Detections
from diode_pl.metrics import DetectionScores
from tests.data.painted import SIDE, Painted


def test_joins_examples() -> None:
    source = Painted(6, names=())
    labeled = Painted(6)
    examples = [labeled[4], source[5], labeled[0]]
    batch = Batch.from_examples(examples, seed=9)
    assert batch.images.shape == (3, 3, SIDE, SIDE) and batch.images.dtype == torch.uint8 and batch.seed == 9
    assert torch.equal(batch.images[1], examples[1].image)
    assert batch.targets.batch_size == 3 and batch.targets.image_index.tolist() == [0, 2]
    assert batch.targets.labels.tolist() == [1, 0]
    assert torch.equal(batch.targets.boxes, torch.cat([examples[0].boxes, examples[2].boxes]))
    assert batch.sizes == [(64, 36), (64, 37), (64, 32)] and batch.names == ["4.png", "5.png", "0.png"]
    assert Batch.from_examples(examples).seed is None


def test_areas_and_ignored_regions_are_those_of_validation_alone(tmp_path: Path) -> None:
    """A set of two images: the detector finds the mug, and two things that the set says nothing certain of."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "ab":
        Image.new("RGB", (200, 100)).save(folder / f"{name}.png")
    box = {"image_id": 0, "category_id": 0, "bbox": [0, 0, 100, 50], "area": 900}
    content = {
        "images": [{"id": i, "file_name": f"{name}.png", "width": 200, "height": 100} for i, name in enumerate("ab")],
        "categories": [{"id": 0, "name": "mug"}, {"id": 1, "name": "key"}],
        "annotations": [box, box | {"image_id": 1, "bbox": [100, 50, 100, 50], "area": 9000, "iscrowd": 1}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    images = Coco(tmp_path, None, "images", "boxes.json", SIDE, max_bad=0)
    data = DetectionData(images, images, Fixed(1), {}, mosaic=0.0, batch_size=2)
    data.match_classes(["key", "mug"])
    data.setup("fit")
    (training,), (batch,) = data.train_dataloader(), data.val_dataloader()
    assert len(training.targets) == 1 and not any(training.ignored)
    assert batch.targets.labels.tolist() == batch.ignored[1].labels.tolist() == [1] and batch.ignored[0] is None
    assert batch.areas.tolist() == [900]
    mug, inside = torch.tensor([[0.0, 0.0, 0.5, 0.5]]), torch.tensor([[0.6, 0.6, 0.7, 0.7], [0.75, 0.75, 1.0, 1.0]])
    found = [
        Detections(mug, torch.tensor([0.3]), torch.tensor([1])),
        Detections(inside, torch.ones(2), torch.ones(2).long()),
    ]
    scores = DetectionScores(["key", "mug"])
    scores.update(found, batch.targets, batch.sizes, batch.areas, batch.ignored)
    result = scores.compute()
    assert {key: result[key] for key in ("AP", "AP_small", "precision", "recall", "F1")} == pytest.approx(
        dict.fromkeys(("AP", "AP_small", "precision", "recall", "F1"), 1.0)
    )
    assert "AP_medium" not in result, "the area is that of the annotation, not that of the box"


def test_moves_to_a_device() -> None:
    moved = Batch.from_examples([Painted(1)[0]]).to(torch.device("meta"))
    assert moved.images.device.type == moved.targets.boxes.device.type == moved.targets.valid.device.type == "meta"
    assert moved.names == ["0.png"] and moved.sizes == [(64, 32)]


def test_scaled_pixels() -> None:
    batch = Batch.from_examples([Painted(3)[2]])
    scaled = batch.to_float()
    assert scaled.images.dtype == torch.float32 and scaled.images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal((scaled.images * 255).round().to(torch.uint8), batch.images)
    assert float(scaled.images.max()) == 1 and batch.images.dtype == torch.uint8


def test_resizes_a_whole_batch_by_its_seed() -> None:
    batches = [Batch.from_examples([Painted(1)[0]], seed).to_float().resize(32, 96, 32) for seed in range(12)]
    assert {batch.images.shape[-1] for batch in batches} == {32, 64, 96}
    assert all(batch.images.is_contiguous(memory_format=torch.channels_last) for batch in batches)
    again = Batch.from_examples([Painted(1)[0]], 5).to_float().resize(32, 96, 32)
    assert torch.equal(again.images, batches[5].images)
