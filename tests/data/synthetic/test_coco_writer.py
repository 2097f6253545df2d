"""A COCO annotation file, written entry by entry."""

import io
import json

import pytest

from diode_pl.data.synthetic import coco_writer
from diode_pl.data.synthetic.coco_writer import CocoWriter, to_coco_json

ENTRIES = [
    {"id": i + 1, "file_name": f"{i}.png", "width": 8, "height": 4, "labels": [1] * i, "boxes": [[0.1, 0, 3, 2.5]] * i}
    for i in range(4)
]


def test_the_file_is_what_the_entries_say() -> None:
    content = json.loads(to_coco_json(ENTRIES, ["mug", 'a "key"']))
    assert content["images"][2] == {"id": 3, "file_name": "2.png", "width": 8, "height": 4}
    assert content["categories"] == [{"id": 1, "name": "mug"}, {"id": 2, "name": 'a "key"'}]
    assert [box["image_id"] for box in content["annotations"]] == [2, 3, 3, 4, 4, 4]
    first = {"id": 1, "image_id": 2, "category_id": 2, "bbox": [0.1, 0, 3, 2.5], "area": 7.5, "iscrowd": 0}
    assert content["annotations"][0] == first


def test_the_file_is_the_same_however_the_entries_come_and_where_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_writer, "_SPOOL", 10)
    file = io.BytesIO()
    writer = CocoWriter(file, ["mug", "key"])
    for entry in ENTRIES:
        writer.add([entry])
    writer.close()
    monkeypatch.undo()
    assert file.getvalue() == to_coco_json(ENTRIES, ["mug", "key"])
    assert file.getvalue().decode() == json.dumps(json.loads(file.getvalue()))
