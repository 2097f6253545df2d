"""Published weights on real photographs: what they find is there."""

from pathlib import Path

import pytest
import torch

from benchmarks import detector_truth


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
    detector = detector_truth.read_detector(shared_data / "weights" / name)
    assert sum(p.numel() for p in detector.parameters()) == parameters
    assert len(detector.norm_layers()) == norms and detector.backbone_norm_layers == backbone
    assert detector.stride == 32 and detector(torch.rand(1, 3, 64, 64)).strides == (32, 16)


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> detector_truth.Photographs:
    return detector_truth.read_photographs(shared_data / detector_truth.IMAGES, 320)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("mobilenetv2-yolov3-nano-coco", 0.315),
        ("yolo-fastest-1.1-xl-coco", 0.39),
        ("yolo-fastest-1.1-coco", 0.295),
    ],
)
def test_published_weights_find_what_is_there(
    shared_data: Path, photographs: detector_truth.Photographs, name: str, least: float
) -> None:
    assert len(photographs.images) == 281
    detector = detector_truth.read_detector(shared_data / "weights" / name)
    assert detector_truth.score(detector, photographs).ap50 >= least


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        (None, "data/weights does not exist"),
        ("weights/some/some.cfg", "data/coco_val2017_subset does not exist"),
        ("coco_val2017_subset/images/1.jpg", "data/weights does not exist"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: str | None, missing: str
) -> None:
    data = tmp_path / "data"
    if present:
        (data / present).parent.mkdir(parents=True)
        (data / present).touch()
    monkeypatch.setattr("sys.argv", ["detector_truth.py", "--data", str(data)])
    with pytest.raises(SystemExit, match=f"{missing}: --data must name a folder"):
        detector_truth.main()
