"""The files that describe a synthetic set."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from diode_pl.data.accept import Gate, Saturation, SeenBy
from diode_pl.data.synthetic import Plan
from diode_pl.data.synthetic.completion import mark_unfinished
from tests.data.batches import HEIGHT, NAMES, WIDTH, data_set, finished

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


def test_what_is_accepted_is_written_in_fields_that_coco_tools_ignore(tmp_path: Path) -> None:
    count, box = 6, {"boxes": [[0.0, 0.0, 8.0, 6.0]], "labels": [0], "scores": [0.8]}
    notes = {"detections": {"teacher": [box] * count}, "origins": [["sampled"] * (i % 3) for i in range(count)]}
    dataset = data_set(tmp_path)
    dataset.write(finished(count=count, notes=notes))
    dataset.finish()
    plain = json.loads((tmp_path / "annotations.json").read_text())
    summary = dataset.finish(gate=Gate({"seen": SeenBy("teacher"), "saturation": Saturation(1.0)}))
    marked = json.loads((tmp_path / "annotations.json").read_text())
    assert summary is not None and summary["accepted"]["refused"] == {"seen": 4, "saturation": 0}
    assert summary["accepted"] | {"images": 2, "boxes": 0} == summary["accepted"], "those without boxes"
    assert {box["origin"] for box in marked["annotations"]} == {"sampled"}
    assert all(box["score"] == 0 and box["reason"] == "not seen by the teacher" for box in marked["annotations"])
    assert [image["accepted"] for image in marked["images"]] == [i % 3 == 0 for i in range(count)]
    results = [
        {k: a[k] for k in ("image_id", "category_id", "bbox")} | {"score": 0.5} for a in plain["annotations"][1:]
    ]
    for make, evaluate in ((COCO, COCOeval), (FasterCOCO, COCOeval_faster)):
        stats = []
        for content in (plain, marked):
            path = tmp_path / "truth.json"
            path.write_text(json.dumps(content))
            with contextlib.redirect_stdout(io.StringIO()):
                truth = make(str(path))
                scores = evaluate(truth, truth.loadRes(results), "bbox")
                scores.evaluate()
                scores.accumulate()
                scores.summarize()
            stats.append(list(scores.stats))
        assert stats[0] == stats[1] and 0 < stats[0][0] < 1


def test_data_yaml_names_the_classes_whatever_they_are_called(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished())
    dataset.finish()
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["names"] == dict(enumerate(NAMES))
    assert (tmp_path / content["train"]).is_dir() and (tmp_path / content["val"]).is_dir()


def test_the_annotations_are_those_of_all_records_in_their_order(tmp_path: Path) -> None:
    """What is written entry by entry is what one call of json would write."""
    dataset = data_set(tmp_path)
    for number in (1, 0):
        dataset.write(finished(number, count=3))
    dataset.finish()
    text = (tmp_path / "annotations.json").read_text()
    content = json.loads(text)
    assert text == json.dumps(content)
    assert [image["id"] for image in content["images"]] == list(range(1, 7))
    assert [box["id"] for box in content["annotations"]] == list(range(1, 7))


def test_a_set_states_what_is_planned_and_what_is_there(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished(0))
    unfinished, whole = dataset.finish(Plan(4, 2)), None
    assert unfinished is not None and not unfinished["complete"]
    assert unfinished["planned"] == {"images": 4, "batches": 2} and unfinished["present"] == {"images": 2, "batches": 1}
    dataset.write(finished(1))
    whole = dataset.finish(Plan(4, 2))
    assert whole is not None and whole["complete"] and whole["planned"] == whole["present"] == unfinished["planned"]
    mark_unfinished(tmp_path, Plan(8, 2))
    stated = json.loads((tmp_path / "dataset.json").read_text())
    assert not stated["complete"] and stated["planned"] == {"images": 8, "batches": 4} and stated["images"] == 4


def test_the_contact_sheet_shows_images_of_every_batch(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    for number in range(3):
        dataset.write(finished(number, count=2, images=torch.full((2, 3, HEIGHT, WIDTH), number / 2)))
    dataset.finish()
    sheet = np.array(Image.open(tmp_path / "contact_sheet.png").convert("RGB"))
    middles = [sheet[GAP + CELL - 8, GAP + CELL - 8 + i * (CELL + GAP), 0] for i in (0, 2, 4)]
    assert middles == [0, 128, 255]


def test_a_record_without_a_field_is_an_error_that_names_it(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished(0))
    path = tmp_path / "batches/000000.json"
    record = json.loads(path.read_text())
    del record["scores"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"000000\.json: scores is missing"):
        dataset.finish()
