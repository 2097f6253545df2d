import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from diode_pl.data.synthetic.coco_writer import to_coco_json
from diode_pl.detector import Detections
from diode_pl.prediction.findings import count_by_class, picture_entry, to_coco_results

NAMES = ("cat", "dog", "cup")


def found(*rows: tuple[list[float], float, int]) -> Detections:
    boxes, scores, labels = zip(*rows, strict=True) if rows else ([], [], [])
    return Detections(torch.tensor([*boxes]).reshape(-1, 4), torch.tensor([*scores]), torch.tensor([*labels]).long())


ENTRIES = [
    picture_entry(1, "a.jpg", (100, 200), found(([0.1, 0.2, 0.6, 0.7], 0.9, 1), ([0.0, 0.0, 0.5, 0.25], 0.5, 0))),
    picture_entry(2, "b/c.jpg", (30, 40), found()),
    picture_entry(3, "d.jpg", (64, 64), found(([0.5, 0.5, 1.0, 1.0], 0.7, 1), ([0.0, 0.0, 0.25, 0.25], 0.4, 1))),
]


def test_boxes_are_in_pixels_of_the_picture() -> None:
    assert ENTRIES[0] == {
        "id": 1,
        "file_name": "a.jpg",
        "width": 200,
        "height": 100,
        "boxes": [[20.0, 20.0, 100.0, 50.0], [0.0, 0.0, 100.0, 25.0]],
        "labels": [1, 0],
        "scores": [0.9, 0.5],
    }
    assert ENTRIES[1]["boxes"] == ENTRIES[1]["labels"] == []


def test_pycocotools_takes_the_results_for_what_the_annotations_say(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_bytes(to_coco_json(ENTRIES, NAMES))
    (tmp_path / "results.json").write_bytes(to_coco_results(ENTRIES))
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "annotations.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == 1.0
    first = json.loads((tmp_path / "results.json").read_text())[0]
    assert first == {"image_id": 1, "category_id": 2, "bbox": [20.0, 20.0, 100.0, 50.0], "score": 0.9}


def test_counts_of_the_classes_that_were_found() -> None:
    assert count_by_class(ENTRIES, NAMES) == {
        "cat": {"pictures": 1, "boxes": 1, "mean_score": 0.5},
        "dog": {"pictures": 2, "boxes": 3, "mean_score": 0.6667},
        "all": {"pictures": 2, "boxes": 4, "mean_score": 0.625},
    }
    assert count_by_class(ENTRIES[1:2], NAMES) == {"all": {"pictures": 0, "boxes": 0, "mean_score": 0.0}}
