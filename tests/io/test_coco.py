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


def test_entries_are_left_out_where_it_is_asked_for(tmp_path: Path) -> None:
    box = {"category_id": 1, "bbox": [0, 0, 4, 4]}
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 8, "height": 8, "out": i == 2} for i in (1, 2)],
        "annotations": [{"id": i, "image_id": image, "out": i == 1, **box} for i, image in enumerate((1, 1, 2))],
        "categories": [{"id": 1, "name": "mug"}],
    }
    (tmp_path / "skip.json").write_text(json.dumps(content))
    bad: list[tuple[str, str]] = []
    found, _ = read_coco(tmp_path / "skip.json", lambda *each: bad.append(each), skip=lambda entry: entry["out"])
    assert [image.path.name for image in found] == ["1.png"] and len(found[0].labels) == 1 and not bad


def test_boxes_come_as_shares_of_their_image_without_crowds_and_empty_ones(tmp_path):
    images, names = read_coco(save(tmp_path))
    assert names == ["dog", "cat"] and images[0].path == Path("a.png")
    assert images[0].labels.tolist() == [1, 0] and images[0].size == (50, 100)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0.1, 0.2, 0.3, 0.8], [0.9, 0.8, 1.0, 1.0]]))


def test_crowds_are_ignored_regions_and_areas_are_those_that_are_stated(tmp_path, caplog):
    box = {"image_id": 5, "category_id": 3, "bbox": [10, 10, 20, 30]}
    crowd = {"image_id": 5, "category_id": 9, "bbox": [90, 40, 20, 20], "iscrowd": 1}
    entries = [box | {"area": area} for area in (123.5, None, -1, "9", float("inf"), 0)]
    path = save(tmp_path, annotations=[box, *entries, crowd, crowd | {"bbox": [200, 0, 5, 5]}])
    bad = list[str]()
    image = read_coco(path, lambda name, _: bad.append(name))[0][0]
    assert bad == ["image 2"]
    assert image.areas.tolist() == [0, 123.5, 0, 0, 0, 0, 0]
    assert image.ignored.labels.tolist() == [0] and image.ignored.crowd.tolist() == [True]
    torch.testing.assert_close(image.ignored.boxes, torch.tensor([[0.9, 0.8, 1.0, 1.0]]))
    assert "4 boxes have an area that is not a positive number, the first is annotation at index 3" in caplog.text


@pytest.mark.parametrize("bbox", [[30, 30, -10, -10], [30, 10, -1, 5], [30, 10, 5, -1]])
def test_a_box_of_negative_size_is_an_error_where_nobody_counts(tmp_path, bbox):
    bad = {"id": 41, "image_id": 5, "category_id": 3, "bbox": bbox}
    with pytest.raises(ValueError, match=r"not a COCO annotation file.*annotation 41: bbox .* is inverted"):
        read_coco(save(tmp_path, annotations=[bad]))


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


BOX = {"image_id": 5, "category_id": 3, "bbox": [10, 10, 20, 30]}


def read_counted(path):
    told = []
    images, names = read_coco(path, lambda name, reason: told.append(f"{name}: {reason}"))
    return images, names, told


@pytest.mark.parametrize(
    ("crowd", "boxes"),
    [("0", 1), ("1", 0), ("false", 1), ("True", 0), (False, 1), (True, 0), (None, 1), (0.0, 1), ("1.0", 0), ("", 1)],
)
def test_crowds_are_any_truth_value(tmp_path, crowd, boxes):
    path = save(tmp_path, annotations=[BOX | {"iscrowd": crowd}])
    assert len(read_coco(path)[0][0].labels) == boxes


def test_a_crowd_that_is_no_truth_value_is_bad(tmp_path):
    images = [{"id": 5, "width": 100, "height": 50, "file_name": "a.png"}]
    read, _, told = read_counted(save(tmp_path, images=images, annotations=[BOX | {"id": 7, "iscrowd": "maybe"}, BOX]))
    assert len(read[0].labels) == 1
    assert told == [
        "annotation 7: iscrowd: expected a truth value (0, 1, true, false, ...), got 'maybe' (annotations[0])"
    ]


def named(*names, size=(100, 50)):
    return [{"id": i, "width": size[0], "height": size[1], "file_name": name} for i, name in enumerate(names)]


@pytest.mark.parametrize("other", ["a.png", "./a.png", "sub/../a.png", ".\\a.png"])
def test_images_of_one_file_are_one_with_the_boxes_of_both(tmp_path, caplog, other):
    boxes = [BOX | {"image_id": 0}, BOX | {"image_id": 2, "bbox": [0, 0, 50, 50]}, BOX | {"image_id": 2}]
    read, _, told = read_counted(save(tmp_path, images=named("a.png", "b.png", other), annotations=boxes))
    assert [image.name for image in read] == ["a.png", "b.png"] and not told
    assert [len(image.labels) for image in read] == [2, 0], "the box that both have is there once"
    torch.testing.assert_close(read[0].boxes, torch.tensor([[0.1, 0.2, 0.3, 0.8], [0.0, 0.0, 0.5, 1.0]]))
    assert "truth.json: 1 image files have several ids, the first is a.png" in caplog.text


def test_images_of_one_file_and_several_sizes_are_bad(tmp_path):
    images = named("a.png", "b.png", "a.png")
    images[2]["width"] = 99
    read, _, told = read_counted(save(tmp_path, images=images, annotations=[BOX | {"image_id": i} for i in range(3)]))
    assert [image.name for image in read] == ["b.png"] and len(read[0].labels) == 1
    reason = "2 images have the file a.png, with different sizes"
    assert told == [f"image 0: {reason} (images[0])", f"image 2: {reason} (images[2])"]


def test_images_without_a_file_name_are_several(tmp_path):
    images = [{"id": i, "width": 100, "height": 50} for i in range(2)]
    assert len(read_coco(save(tmp_path, images=images, annotations=[]))[0]) == 2


def test_categories_of_one_name_are_one_class(tmp_path):
    boxes = [BOX | {"category_id": key} for key in (9, 3, 4)]
    categories = [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
    images, names = read_coco(save(tmp_path, categories=categories, annotations=boxes))
    assert names == ["dog", "cat"] and images[0].labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("number", ["1e39", "-1e39", "1e400", "9" * 400, "9" * 5000, "NaN", "Infinity", "true", '"1"'])
@pytest.mark.parametrize("place", range(4))
def test_numbers_that_boxes_cannot_hold_are_bad(tmp_path, number, place):
    path = save(tmp_path, images=named("a.png"), annotations=[BOX | {"image_id": 0, "bbox": [1, 1, 9, 9]}, BOX])
    bbox = ["1"] * 4
    bbox[place] = number
    path.write_text(path.read_text().replace("[10, 10, 20, 30]", f"[{', '.join(bbox)}]").replace('5, "cat', '0, "cat'))
    read, _, (told,) = read_counted(path)
    assert len(read[0].labels) == 1 and len(told) < 300
    assert told.startswith("annotation at index 1, without id: bbox must be four finite numbers")
    with pytest.raises(ValueError, match=r"truth\.json .*bbox must be four finite numbers.*\(annotations\[1\]\)"):
        read_coco(path)


@pytest.mark.parametrize("number", ["1e39", "9" * 400, "9" * 5000, "NaN", "-1", "true"])
def test_a_size_that_is_none_is_bad(tmp_path, number):
    path = save(tmp_path, images=named("a.png", "b.png"), annotations=[])
    path.write_text(path.read_text().replace("100", number, 1))
    read, _, (told,) = read_counted(path)
    assert [image.name for image in read] == ["b.png"] and len(told) < 300
    assert told.startswith("image 0: width and height must be positive, got ") and told.endswith("(images[0])")


@pytest.mark.parametrize("bbox", [[1, 1, 1e-30, 1e-30], [50, 1, 1e-6, 9], [0, 0, 1e-22, 1e-22], [1, 1, 9, 0]])
def test_a_box_without_area_in_single_precision_is_bad(tmp_path, caplog, bbox):
    path = save(tmp_path, images=named("a.png"), annotations=[BOX | {"image_id": 0, "id": 3, "bbox": bbox}])
    read, _, (told,) = read_counted(path)
    assert not len(read[0].labels) and told.startswith("annotation 3: bbox [") and "has no area" in told
    assert not len(read_coco(path)[0][0].labels)
    assert "truth.json: 1 boxes without area are skipped, the first is annotation 3" in caplog.text


def test_backslashes_in_file_names_separate_folders(tmp_path):
    read, _, _ = read_counted(save(tmp_path, images=named("sub\\a.png"), annotations=[]))
    assert read[0].path == Path("sub/a.png")


def test_long_texts_are_quoted_in_short(tmp_path):
    long = "x" * 10**5
    _, _, told = read_counted(
        save(
            tmp_path,
            images=named("a.png"),
            annotations=[{"id": long, "image_id": long, "category_id": 3, "bbox": [1, 1, 1, 1]}],
        )
    )
    assert len(told) == 1 and "image 'xxx" in told[0] and len(told[0]) < 800


def test_a_crowd_may_state_its_region_alone(tmp_path):
    """As pycocotools does of results: the box is that around the run-length code."""
    region = {"counts": [50 * 10 + 5, 20, 30 + 50 * 89 - 5], "size": [50, 100]}
    crowd = {"image_id": 5, "category_id": 9, "iscrowd": 1, "segmentation": region}
    (image, *_), _ = read_coco(save(tmp_path, annotations=[BOX, crowd]))
    assert len(image.labels) == 1 and image.ignored.crowd.tolist() == [True]
    assert image.ignored.boxes[0].tolist() == pytest.approx([0.1, 0.1, 0.11, 0.5])
