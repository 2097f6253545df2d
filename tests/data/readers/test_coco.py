"""Images with a COCO annotation file."""

import json

import pytest
import torch

from diode_pl.data.readers import Coco
from diode_pl.provenance import REAL_IMAGES
from tests.data.readers.pictures import cut_short, paint, usable
from tests.odd import odd_folder

GOOD = {"id": 1, "image_id": 5, "category_id": 3, "bbox": [2, 1, 10, 5]}


def save(root, annotations=(GOOD,), split="train", **changes):
    for name in ("a.png", "b.png"):
        paint(root / f"{split}2017" / name)
    content = {
        "images": [
            {"id": 5, "width": 20, "height": 10, "file_name": "a.png"},
            {"id": 2, "width": 20, "height": 10, "file_name": "b.png"},
        ],
        "categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": list(annotations),
    }
    path = root / "annotations" / f"instances_{split}2017.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content | changes))
    return root


def read(root, split="train", **changes):
    return Coco(root, split, "{split}2017", "annotations/instances_{split}2017.json", 16, **changes)


def test_images_come_with_their_boxes(tmp_path):
    images = read(save(tmp_path))
    assert len(images) == 2 and images.class_names == ("dog", "cat") and images.provenance == REAL_IMAGES
    example = images[0]
    assert example.name == "a.png" and example.labels.tolist() == [1]
    torch.testing.assert_close(example.boxes, torch.tensor([[0.1, 0.1, 0.6, 0.6]]))
    assert len(images[1].labels) == 0 and len(images.bad_files) == 0


def test_a_split_has_its_own_folder_and_file(tmp_path):
    save(tmp_path)
    save(tmp_path, [], "val")
    assert len(read(tmp_path, "train")[0].labels) == 1 and len(read(tmp_path, "val")[0].labels) == 0


def test_paths_without_a_split(tmp_path):
    save(tmp_path)
    absolute = str(tmp_path / "annotations" / "instances_train2017.json")
    assert len(Coco(tmp_path, None, "train2017", absolute, 16)) == 2


def test_without_labels(tmp_path):
    images = read(save(tmp_path), labeled=False)
    assert images.class_names == () and len(images) == 2 and len(images[0].labels) == 0


NAN = float("nan")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"bbox": [1, 2, 3]}, "four finite numbers"),
        ({"bbox": [1, 2, NAN, 4]}, "four finite numbers"),
        ({"bbox": [1, 2, "3", 4]}, "four finite numbers"),
        ({"bbox": None}, "four finite numbers"),
        ({"bbox": [30, 1, 4, 4]}, "outside of its image of 20 x 10"),
        ({"bbox": [19, 9, -10, -5]}, "is inverted: width -10, height -5"),
        ({"bbox": [3, 3, 0, 5]}, "has no area: width 0, height 5"),
        ({"bbox": [3, 3, 5, 0.0]}, "has no area: width 5, height 0"),
        ({"image_id": 77}, "image 77 does not exist"),
        ({"image_id": [5]}, "image_id must be"),
        ({"category_id": 1}, "category 1 does not exist"),
        ({"category_id": None}, "category_id must be"),
    ],
)
def test_a_bad_annotation_is_one_fault_with_its_name(tmp_path, caplog, bad, reason):
    root = save(tmp_path, [{**GOOD, "id": 41, **bad}, GOOD])
    images = read(root, max_bad=1)
    assert len(images.bad_files) == 1 and len(images) == 2 and len(images[0].labels) == 1
    assert "instances_train2017.json: annotation 41" in caplog.text and reason in caplog.text
    with pytest.raises(ValueError, match=r"annotation 41.*max_bad is 0") as caught:
        read(root, max_bad=0)
    assert "not a COCO annotation file" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"width": 0}, "width and height must be positive, got 0"),
        ({"height": None}, "got 20 and None"),
        ({"file_name": None}, "file_name is missing"),
    ],
)
def test_a_bad_image_is_one_fault_whatever_lies_on_it(tmp_path, caplog, bad, reason):
    entry = {"id": 5, "width": 20, "height": 10, "file_name": "a.png"}
    other = {"id": 2, "width": 20, "height": 10, "file_name": "b.png"}
    images = read(save(tmp_path, [GOOD, GOOD], images=[entry | bad, other]), max_bad=1)
    assert [example.name for example in usable(images).values()] == ["b.png"] and len(images.bad_files) == 1
    assert "image 5" in caplog.text and reason in caplog.text


def test_images_of_one_id_are_a_fault_each(tmp_path, caplog):
    entries = [{"id": key, "width": 20, "height": 10, "file_name": f"{name}.png"} for key, name in ((5, "a"), (2, "b"))]
    images = read(save(tmp_path, images=[*entries, entries[0] | {"file_name": "c.png"}]), max_bad=2)
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 2
    assert "'a.png' is one" in caplog.text and "'c.png' is one" in caplog.text
    with pytest.raises(ValueError, match=r"image 5: 2 images have id 5.*max_bad is 1"):
        read(tmp_path, max_bad=1)


def test_a_file_of_another_shape_than_declared_is_a_bad_image(tmp_path, caplog):
    images = read(save(tmp_path, [GOOD, GOOD | {"image_id": 2}]), max_bad=1)
    paint(tmp_path / "train2017" / "a.png", (10, 20))
    paint(tmp_path / "train2017" / "b.png", (60, 30))
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 1
    assert "a.png has 10 x 20 pixels" in caplog.text and "annotations say 20 x 10" in caplog.text


def test_an_image_without_an_id_is_named_by_its_number(tmp_path, caplog):
    entry = {"id": 5, "width": 20, "height": 10, "file_name": "a.png"}
    images = read(save(tmp_path, images=[entry, {"width": 20, "height": 10, "file_name": "b.png"}]))
    assert len(images) == 1 and "image at index 1, without id" in caplog.text


def test_true_is_no_id(tmp_path, caplog):
    """In Python it equals 1."""
    read(save(tmp_path, [{**GOOD, "image_id": True}]))
    assert "image_id must be a number or a string, got True" in caplog.text


def test_crowds_are_no_faults(tmp_path):
    crowd = {**GOOD, "iscrowd": 1}
    images = read(save(tmp_path, [GOOD, crowd, {**crowd, "bbox": [1, 1, 0, 4]}]), max_bad=0)
    assert len(images[0].labels) == 1 and len(images.bad_files) == 0


def test_annotations_and_images_count_together(tmp_path):
    root = save(tmp_path, [{**GOOD, "bbox": []}])
    cut_short(root / "train2017" / "a.png")
    (root / "train2017" / "b.png").unlink()
    images = read(root, max_bad=3)
    with pytest.raises(ValueError, match="none of the 2 images can be used"):
        usable(images)
    assert len(images.bad_files) == 3
    with pytest.raises(ValueError, match=r"b\.png.*max_bad is 2"):
        usable(read(root, max_bad=2))


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^root: .*absent is not a folder; expected that of the data set"):
        read(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"^images: .*test2017 is not a folder"):
        read(save(tmp_path), "test")
    with pytest.raises(ValueError, match=r"^annotations: .*absent\.json does not exist"):
        Coco(tmp_path, None, "train2017", "absent.json", 16)
    with pytest.raises(ValueError, match="is not a COCO annotation file"):
        read(save(tmp_path, images=3))
    with pytest.raises(ValueError, match="lists no image"):
        read(save(tmp_path, [], images=[]))


def test_real_images(shared_data):
    root = shared_data / "coco_val2017_subset"
    images = Coco(root, None, "images", "instances_val2017_subset.json", 32, max_bad=0)
    counts = [len(images.annotation(i).labels) for i in range(len(images))]
    assert len(images) == 281 and len(images.class_names) == 80
    assert sum(counts) == 2279 - 16, "all but the crowds"
    labels = torch.cat([images.annotation(i).labels for i in range(281)])
    assert labels.unique().numel() == 80
    assert len(usable(Coco(root, None, "images", "instances_val2017_subset.json", 32, limit=9, max_bad=0))) == 9


@pytest.mark.parametrize(
    ("name", "boxes"),
    [
        ("04_crowd_as_text", [[0.1, 0.1, 0.5, 0.5]]),
        ("08_same_file_twice", [[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.75, 0.875]]),
        ("16_bom", [[0.1, 0.1, 0.5, 0.5]]),
    ],
)
def test_files_of_others(shared_data, name, boxes):
    images = Coco(odd_folder(shared_data, "coco"), None, "images", f"{name}.json", 16, max_bad=0)
    assert len(images) == 1 and images[0].labels.tolist() == [0] * len(boxes)
    torch.testing.assert_close(images[0].boxes, torch.tensor(boxes))


def test_numbers_of_others_that_boxes_cannot_hold(shared_data, caplog):
    folder = odd_folder(shared_data, "coco")
    with pytest.raises(ValueError, match=r"nan_box\.json lists no image that can be used"):
        Coco(folder, None, "images", "nan_box.json", 16)
    assert "nan_box.json: image 1: width and height must be" in caplog.text
    assert "nan_box.json: annotation 1: bbox must be four finite numbers" in caplog.text
    images = Coco(folder, None, "images", "empty_box.json", 16, max_bad=1)
    assert len(images.bad_files) == 1 and not len(images.annotation(0).labels)
    assert "empty_box.json: annotation 1: bbox [1.0, 1.0, 1e-30, 1e-30] has no area" in caplog.text


@pytest.mark.parametrize("name", ["__background__", "_background_", "__BACKGROUND__"])
def test_background_is_no_class_and_its_boxes_are_counted(tmp_path, caplog, name):
    categories = [{"id": 0, "name": name}, {"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}]
    left_out = [GOOD | {"id": 7, "category_id": 0}, GOOD | {"id": 8, "category_id": 0, "iscrowd": 1, "bbox": None}]
    images = read(save(tmp_path, [*left_out, GOOD], categories=categories), max_bad=0)
    assert images.class_names == ("dog", "cat") and images[0].labels.tolist() == [1] and images[0].ignored is None
    assert (
        "2017.json: 2 boxes are of the background, which is not an object, and are left out; the first" in caplog.text
    )
    assert caplog.text.count("of the background") == 1 and "the first is annotation 7\n" in caplog.text
    caplog.clear()
    assert read(save(tmp_path, categories=categories)).class_names == ("dog", "cat") and not caplog.text


def test_a_set_of_background_alone_has_no_class(tmp_path):
    save(tmp_path, [GOOD | {"category_id": 0}], categories=[{"id": 0, "name": "__background__"}])
    assert read(tmp_path).class_names == ()
