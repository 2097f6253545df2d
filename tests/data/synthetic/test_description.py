"""The files that describe a synthetic set."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools.coco import COCO

from diode_pl.data.synthetic.description import draw_contact_sheet, summarize
from tests.data.batches import HEIGHT, NAMES, WIDTH, data_set, finished

CLASSES = ("cat", "dog")  # on contact sheets
CELL, GAP = 224, 4


def test_labels_and_annotations_agree_with_the_targets_and_each_other(tmp_path: Path) -> None:
    height, width = 480, 640  # large enough to tell single from double precision
    batch, dataset = finished(count=6, images=torch.zeros(6, 3, height, width)), data_set(tmp_path)
    dataset.write(batch)
    dataset.finish()
    annotations = json.loads((tmp_path / "annotations.json").read_text())
    for i, (boxes, labels) in enumerate(batch.targets.per_image()):
        lines = [line.split() for line in (tmp_path / f"labels/{i:08d}.txt").read_text().splitlines()]
        own = [a for a in annotations["annotations"] if a["image_id"] == annotations["images"][i]["id"]]
        assert len(lines) == len(own) == len(boxes)
        for line, annotation, box, label in zip(lines, own, boxes.tolist(), labels.tolist(), strict=True):
            cx, cy, w, h = (float(v) for v in line[1:])
            yolo = [(cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height]
            assert annotation["bbox"] == pytest.approx(yolo, abs=1e-6)
            x1, y1, x2, y2 = box
            target = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
            assert annotation["bbox"] == pytest.approx(target, abs=1e-4)
            assert annotation["area"] == pytest.approx(yolo[2] * yolo[3])
            assert int(line[0]) == label == annotation["category_id"] - 1


def test_pycocotools_reads_the_annotations(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    for number in range(2):
        dataset.write(finished(number, count=3))
    dataset.finish()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "annotations.json"))
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(NAMES)
    assert [(tmp_path / "images" / i["file_name"]).is_file() for i in coco.loadImgs(coco.getImgIds())] == [True] * 6
    assert [len(coco.getAnnIds(imgIds=image)) for image in sorted(coco.getImgIds())] == [0, 1, 2, 0, 1, 2]
    assert min(coco.getAnnIds()) == 1 and min(coco.getImgIds()) == 1
    assert all((i["height"], i["width"]) == (HEIGHT, WIDTH) for i in coco.dataset["images"])


def test_data_yaml_names_the_classes_whatever_they_are_called(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished())
    dataset.finish()
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["names"] == dict(enumerate(NAMES))
    assert (tmp_path / content["train"]).is_dir() and (tmp_path / content["val"]).is_dir()


def records(folder: Path, *batches) -> list[dict[str, Any]]:
    for batch in batches:
        data_set(folder).write(batch)
    return [json.loads(path.read_text()) for path in sorted((folder / "batches").glob("*.json"))]


def test_totals_are_those_of_the_batches(tmp_path: Path) -> None:
    first, second = finished(0, count=6, seconds=3.0), finished(1, count=3, first=6, seconds=1.5)
    summary = summarize(records(tmp_path, first, second), NAMES)
    assert summary["images"] == 9 and summary["batches"] == 2
    assert summary["boxes"] == 9 and summary["boxes_per_image"] == 1.0
    assert summary["seconds"] == 4.5 and summary["seconds_per_image"] == 0.5
    labels = [*first.targets.compact().labels.tolist(), *second.targets.compact().labels.tolist()]
    assert summary["classes"] == {name: labels.count(i) for i, name in enumerate(NAMES)}
    assert summary["data_access"] == "teacher-only"


def test_scores_are_means_over_images_and_only_those_that_every_batch_has(tmp_path: Path) -> None:
    small = finished(0, count=1, scores={"teacher_map50": 1.0, "verifier_map50": 0.5})
    large = finished(1, count=3, first=1, scores={"teacher_map50": 0.2})
    assert summarize(records(tmp_path, small, large), NAMES)["scores"] == {"teacher_map50": pytest.approx(0.4)}


def test_box_sides_are_counted_in_tenths() -> None:
    sides = [(8, 8), (25, 25), (100, 4), (100, 100), (45, 45)]  # of 100 pixels: 0.08, 0.25, 0.2, 1.0, 0.45
    entry = {"width": 100, "height": 100, "labels": [0] * 5, "boxes": [[0, 0, w, h] for w, h in sides]}
    record = {"images": [entry], "seconds": 1.0, "scores": {}, "data_access": "teacher-only", "versions": {}}
    record["configuration"] = {}
    histogram = summarize([record], NAMES)["box_side"]
    assert {name: count for name, count in histogram.items() if count} == {
        "0.0-0.1": 1, "0.2-0.3": 2, "0.4-0.5": 1, "0.9-1.0": 1
    }  # fmt: skip
    assert len(histogram) == 10


def entries(folder: Path, count: int, boxes: list[list[float]] | None = None, labels: list[int] | None = None) -> Any:
    """Images of rising gray, 56 x 28 pixels."""
    made = []
    for i in range(count):
        Image.new("RGB", (56, 28), (i, i, i)).save(folder / f"{i}.png")
        made.append({"file_name": f"{i}.png", "width": 56, "height": 28, "labels": labels or [], "boxes": boxes or []})
    return made


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (8, 8, 1), (9, 8, 2), (70, 8, 8)])
def test_size_fits_the_images(tmp_path: Path, count: int, columns: int, rows: int) -> None:
    sheet = draw_contact_sheet(tmp_path, entries(tmp_path, count), CLASSES)
    assert sheet.size == (columns * (CELL + GAP) + GAP, rows * (CELL + GAP) + GAP)


def test_images_are_spread_evenly_over_the_set(tmp_path: Path) -> None:
    sheet = np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 100), CLASSES, limit=4, columns=2))
    centers = [sheet[GAP + 112 + r * (CELL + GAP), GAP + 112 + c * (CELL + GAP), 0] for r in (0, 1) for c in (0, 1)]
    assert centers == [0, 25, 50, 75]


def test_a_box_is_drawn_where_it_is(tmp_path: Path) -> None:
    # 4 and 8 pixels of the sheet for one of the image.
    sheet = np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [[20, 10, 30, 12]], [1]), CLASSES))[GAP:, GAP:]
    left, top, right, bottom = 80, 80, 200, 176
    color = sheet[bottom - 1, (left + right) // 2]
    assert color.max() > 200
    for y, x in ((top, 190), (bottom - 1, left), (128, left), (128, right - 1), (bottom - 1, right - 1)):
        assert (sheet[y, x] == color).all()
    for y, x in ((128, 140), (128, left - 1), (128, right), (bottom, 140), (top + 4, 190)):
        assert sheet[y, x].max() == 0


def test_classes_have_unlike_colors_and_a_name(tmp_path: Path) -> None:
    def drawn(label: int) -> np.ndarray:
        return np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [[20, 10, 30, 12]], [label]), CLASSES))

    assert (drawn(0)[GAP + 175, GAP + 140] != drawn(1)[GAP + 175, GAP + 140]).any()
    name = drawn(0)[GAP + 60 : GAP + 80, GAP + 80 : GAP + 110]  # above the box: black letters on its color
    assert len(np.unique(name.reshape(-1, 3), axis=0)) > 2


@pytest.mark.parametrize("box", [[5, 5, 0.1, 0.05], [55.9, 27.9, 0.1, 0.1], [0, 0, 56, 28], [10, 10, 0, 0]], ids=str)
def test_boxes_of_any_size_can_be_drawn(tmp_path: Path, box: list[float]) -> None:
    plain = np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1), CLASSES))
    assert (np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [box], [0]), CLASSES)) != plain).any()
