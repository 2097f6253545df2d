"""Reading COCO annotation files."""

import json
from pathlib import Path

import pytest
import torch

from diode_pl.io.coco import read_coco


def save(folder, **changes):
    content = {
        "images": [{"id": 5, "width": 100, "height": 50, "file_name": "a.png"}, {"id": 2, "width": 8, "height": 8}],
        "categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"image_id": 5, "category_id": 3, "bbox": [10, 10, 20, 30]},
            {"image_id": 5, "category_id": 9, "bbox": [0, 0, 100, 50], "iscrowd": 1},
            {"image_id": 5, "category_id": 9, "bbox": [5, 5, 0, 9]},
            {"image_id": 5, "category_id": 9, "bbox": [90, 40, 20, 20]},
        ],
    }
    path = folder / "truth.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_boxes_come_as_shares_of_their_image_without_crowds_and_empty_ones(tmp_path):
    images, names = read_coco(save(tmp_path))
    assert names == ["dog", "cat"] and images[0].path == Path("a.png")
    assert images[0].labels.tolist() == [1, 0] and images[0].size == (50, 100)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0.1, 0.2, 0.3, 0.8], [0.9, 0.8, 1.0, 1.0]]))


@pytest.mark.parametrize("bbox", [[30, 30, -10, -10], [30, 10, -1, 5], [30, 10, 5, -1]])
def test_a_box_of_negative_size_is_an_error_where_nobody_counts(tmp_path, bbox):
    bad = {"id": 41, "image_id": 5, "category_id": 3, "bbox": bbox}
    with pytest.raises(ValueError, match=r"not a COCO annotation file.*annotation 41: bbox .* is inverted"):
        read_coco(save(tmp_path, annotations=[bad]))
    assert len(read_coco(save(tmp_path, annotations=[bad | {"iscrowd": 1}]))[0][0].boxes) == 0


def test_an_image_without_a_box_is_there_too(tmp_path):
    images, _ = read_coco(save(tmp_path))
    assert len(images) == 2 and images[1].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    "changes", [{"images": None}, {"annotations": [{"bbox": [1, 2]}]}, {"categories": [{"id": 1}]}]
)
def test_what_is_no_annotation_file_is_named(tmp_path, changes):
    with pytest.raises(ValueError, match=r"truth\.json is not a COCO annotation file"):
        read_coco(save(tmp_path, **changes))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.json cannot be read"):
        read_coco(tmp_path / "absent.json")


SAME = [{"id": 5, "width": 100, "height": 50, "file_name": name} for name in ("a.png", "b.png")]


# The second of them is bad by itself, too: still nobody knows whose the boxes are.
@pytest.mark.parametrize("change", [{}, {"id": 5.0}, {"width": 0}, {"file_name": None}])
def test_images_of_one_id_are_left_out_with_what_lies_on_them(tmp_path, change):
    box = {"id": 1, "image_id": 5, "category_id": 3, "bbox": [10, 10, 20, 30]}
    other = {"id": 2, "width": 8, "height": 8, "file_name": "c.png"}
    path = save(tmp_path, images=[SAME[0], other, SAME[1] | change], annotations=[box, box | {"image_id": 5.0}])
    told = []
    images, _ = read_coco(path, lambda name, reason: told.append((name, reason)))
    assert [image.name for image in images] == ["c.png"] and len(images[0].boxes) == 0
    assert [name for name, _ in told] == ["image 5", f"image {change.get('id', 5)}"]
    assert "2 images have id 5, 'a.png' is one" in told[0][1]


def test_images_of_one_id_are_an_error_where_nobody_counts(tmp_path):
    with pytest.raises(ValueError, match=r"image 5: 2 images have id 5, 'a\.png' is one; ids must be unique"):
        read_coco(save(tmp_path, images=SAME, annotations=[]))


def test_what_is_bad_is_reported_and_left_out_where_somebody_asks_for_it(tmp_path):
    good = {"id": 1, "image_id": 5, "category_id": 3, "bbox": [10, 10, 20, 30]}
    path = save(
        tmp_path,
        annotations=[good, good | {"id": 2, "bbox": [1]}, good | {"id": 3, "image_id": 6}, good | {"image_id": 2}],
    )
    told = []
    images, names = read_coco(path, lambda name, reason: told.append((name, reason)))
    assert names == ["dog", "cat"] and [image.name for image in images] == ["a.png"]
    assert len(images[0].boxes) == 1
    assert [name for name, _ in told] == ["image 2", "annotation 2", "annotation 3"], "nothing of what hangs on image 2"
    assert "file_name" in told[0][1] and "bbox" in told[1][1] and "image 6 does not exist" in told[2][1]
    with pytest.raises(ValueError, match=r"not a COCO annotation file.*annotation 2: bbox"):
        read_coco(path)
