"""Predictions on pictures of the embedded world, by the detector that knows it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from diode_pl.detector import Darknet
from diode_pl.detector.loading import load_detector
from diode_pl.io.coco import read_coco
from diode_pl.io.images import read_pixels, to_pillow
from diode_pl.prediction import job, predict_pictures
from diode_pl.shapes import ShapesWorld
from tests.tiny_network import tiny_network

SIZES = [(300, 200), (160, 320), (1300, 1400), (161, 97)]  # width and height


@pytest.fixture(scope="module")
def teacher() -> Darknet:
    return load_detector(weights="embedded")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, world = tmp_path_factory.mktemp("source"), ShapesWorld("val", len(SIZES), 160)
    for i, size in enumerate(SIZES):
        path = folder / ("frames" if i % 2 else ".") / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        to_pillow(world[i].image.float() / 255).resize(size).save(path)
    (folder / "broken.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def folder(teacher: Darknet, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predictions")
    predict_pictures(teacher, "embedded", source, folder, {"some": "key"}, 160, 0.4, batch_size=3)
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_boxes_are_those_of_the_detector_in_pixels_of_the_original(
    folder: Path, source: Path, teacher: Darknet
) -> None:
    coco, results = read(folder / "annotations.json"), read(folder / "results.json")
    assert {(e["file_name"], e["width"], e["height"]) for e in coco["images"]} == {
        (f"frames/{i}.png" if i % 2 else f"{i}.png", *size) for i, size in enumerate(SIZES)
    }
    total = 0
    for image in coco["images"]:
        pixels, size = read_pixels(source / image["file_name"], 160)
        (expected,) = teacher.predict(teacher(pixels[None].float() / 255), 0.4, 0.45)
        found = [each for each in results if each["image_id"] == image["id"]]
        assert [each["category_id"] - 1 for each in found] == expected.labels.tolist()
        corners = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in (each["bbox"] for each in found)])
        wide = expected.boxes * torch.tensor([size[1], size[0]] * 2)
        torch.testing.assert_close(corners.reshape(-1, 4), wide, rtol=0, atol=0.05)
        total += len(found)
    assert total > 6 and total == len(coco["annotations"])


def test_yolo_files_say_the_same(folder: Path) -> None:
    annotations, names = read_coco(folder / "annotations.json")
    assert len(names) == 8
    for annotation in annotations:
        path = (folder / "labels" / annotation.path).with_suffix(".txt")
        rows = torch.tensor([[float(v) for v in line.split()] for line in path.read_text().splitlines()])
        assert rows[:, 0].tolist() == annotation.labels.tolist()
        half = rows[:, 3:] / 2
        found = torch.cat([rows[:, 1:3] - half, rows[:, 1:3] + half], dim=1)
        torch.testing.assert_close(found, annotation.boxes, rtol=0, atol=1e-4)


def test_pictures_keep_their_size_and_differ_where_boxes_are(folder: Path, source: Path) -> None:
    boxes = read(folder / "results.json")
    for image in read(folder / "annotations.json")["images"]:
        drawn, _ = read_pixels(folder / "pictures" / image["file_name"])
        plain, (height, width) = read_pixels(source / image["file_name"])
        assert (width, height) == (image["width"], image["height"]) and drawn.shape == plain.shape
        assert bool((drawn != plain).any()) == any(each["image_id"] == image["id"] for each in boxes)


def test_what_cannot_be_read_is_named_and_counted(folder: Path) -> None:
    summary = read(folder / "summary.json")
    assert list(summary["skipped"]) == ["broken.jpg"] and "not a readable" in summary["skipped"]["broken.jpg"]
    assert (summary["pictures"], summary["resolution"]) == (4, 160) and summary["configuration"] == {"some": "key"}
    assert summary["per_class"]["all"]["boxes"] == len(read(folder / "results.json"))
    assert not (folder / "pictures" / "broken.jpg").exists()


def test_a_single_picture_and_the_line_that_says_where_to_look(
    teacher: Darknet, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    predict_pictures(teacher, "embedded", source / "0.png", tmp_path, {}, 160, 0.4, accelerator="cpu")
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["0.png"]
    count = len(read(tmp_path / "results.json"))
    assert f"Look at {tmp_path / 'pictures'}: {count} boxes in 1 of 1 pictures at 160 px, 0 skipped" in caplog.text
    assert "class " in caplog.text and f"{count:>5}  " in caplog.text


def test_results_of_another_source_or_detector_are_not_mixed(teacher: Darknet, source: Path, tmp_path: Path) -> None:
    """Not those of an interrupted run either; the same run may be repeated, with another threshold too."""
    out = tmp_path / "out"
    predict_pictures(teacher, "embedded", source / "0.png", out, {"some": "key"}, 160, 0.4)
    predict_pictures(teacher, "embedded", source / "." / "0.png", out, {}, 160, 0.3)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(
        ValueError, match="^folder: .*/out contains predictions of .*\n  source: '.*0.png' there, .*2.png"
    ):
        predict_pictures(teacher, "embedded", source / "2.png", out, {}, 160)
    other = tiny_network(tmp_path)
    with pytest.raises(ValueError, match="^folder: .*\n  fingerprint: .*\n.*choose another folder"):
        predict_pictures(other, "tiny", source / "0.png", out, {}, 160)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_interrupted_run_is_known_by_its_folder(
    teacher: Darknet, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, "write_as_named", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        predict_pictures(teacher, "embedded", source, tmp_path, {}, 160)
    with pytest.raises(ValueError, match="contains predictions of another"):
        predict_pictures(teacher, "embedded", source / "0.png", tmp_path, {}, 160)
    predict_pictures(teacher, "embedded", source, tmp_path, {}, 160)


def test_no_more_than_so_many_boxes(teacher: Darknet, source: Path, tmp_path: Path) -> None:
    predict_pictures(teacher, "embedded", source, tmp_path, {}, 160, 0.001, max_detections=2)
    images = [each["image_id"] for each in read(tmp_path / "results.json")]
    assert {images.count(i) for i in images} == {2} and len(set(images)) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"confidence": 1.1}, "confidence and iou must be in"),
        ({"iou": -0.1}, "confidence and iou must be in"),
        ({"batch_size": 0}, "max_detections and batch_size must be >= 1, got 100 and 0"),
        ({"accelerator": "tpu"}, "accelerator must be one of cpu, gpu, auto, got 'tpu'"),
        ({"resolution": 33}, "resolution must be a multiple of 32 px"),
    ],
)
def test_arguments_out_of_range(
    options: dict[str, Any], said: str, teacher: Darknet, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        predict_pictures(teacher, "embedded", source, tmp_path, {}, **options)
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_not_there(
    teacher: Darknet, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="accelerator: gpu was asked for"):
        predict_pictures(teacher, "embedded", source, tmp_path, {}, accelerator="gpu")


def test_random_weights_are_refused(source: Path, tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    detector.provenance = None
    with pytest.raises(ValueError, match="detector: .*random weights"):
        predict_pictures(detector, "none", source, tmp_path / "out", {})


def test_no_picture_that_can_be_read(teacher: Darknet, source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="source: none of the 1 pictures of .*broken.jpg can be read; the first: .*not a readable"
    ):
        predict_pictures(teacher, "embedded", source / "broken.jpg", tmp_path, {})


def test_boxes_and_pictures_are_upright(teacher: Darknet, source: Path, tmp_path: Path) -> None:
    """The same scene, stored upright and stored on its side with an EXIF orientation, gives the same files."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "source").mkdir()
    with Image.open(source / "0.png") as picture:
        picture.save(tmp_path / "source" / "a.png")
        picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "source" / "b.png", exif=exif)
    predict_pictures(teacher, "embedded", tmp_path / "source", tmp_path / "out", {}, 160, 0.4)
    images = read(tmp_path / "out" / "annotations.json")["images"]
    assert [(each["width"], each["height"]) for each in images] == [(300, 200)] * 2
    results = read(tmp_path / "out" / "results.json")
    plain, turned = ([each["bbox"] for each in results if each["image_id"] == i] for i in (1, 2))
    assert len(plain) > 0 and plain == turned
    drawn = [read_pixels(tmp_path / "out" / "pictures" / f"{name}.png")[0] for name in "ab"]
    assert torch.equal(*drawn)
    assert len({(tmp_path / "out" / "labels" / f"{name}.txt").read_text() for name in "ab"}) == 1


def test_few_large_pictures_are_held_at_a_time(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_HELD", 100_000)
    names = {f"{i}": source / ("frames" if i % 2 else ".") / f"{i}.png" for i in range(len(SIZES))}
    batches = job._read(names, 32, 8, {})
    assert [[name for name, _, _ in batch] for batch in batches] == [["0", "1"], ["2"], ["3"]]


def test_large_pictures_have_large_captions(teacher: Darknet, source: Path, folder: Path) -> None:
    """A line of two pixels is not to be seen on a photograph of 1300."""
    with Image.open(folder / "pictures" / "2.png") as drawn, Image.open(source / "2.png") as plain:
        changed = (torch.tensor(list(drawn.convert("RGB").getdata())) != torch.tensor(list(plain.getdata()))).any(1)
    x, y, w, h = next(e["bbox"] for e in read(folder / "results.json") if e["image_id"] == 2)
    row = changed.view(1400, 1300)[int(y + h / 2), max(0, int(x) - 1) : int(x) + 9]
    assert 3 <= int(row.sum()) <= 5


def test_a_detector_that_computes_nothing_finds_no_absence(source: Path, tmp_path: Path) -> None:
    detector = load_detector(weights="embedded")
    hook = detector.layers[0].register_forward_hook(lambda _, __, output: output * torch.nan)
    with pytest.raises(ValueError, match="^detector: its outputs are not finite"):
        predict_pictures(detector, "embedded", source, tmp_path, {}, 160)
    hook.remove()
    detector.state_dict()["layers.0.norm.running_var"][0] = -1
    with pytest.raises(ValueError, match="^detector: its weights: found the negative variance -1 in layers.0.norm"):
        predict_pictures(detector, "embedded", source, tmp_path, {}, 160)
