"""Images with YOLO's label files."""

import json

import pytest
import torch

from diode_pl.data.readers import Yolo
from diode_pl.provenance import PROXY_IMAGES
from tests.data.readers.pictures import cut_short, paint, usable
from tests.odd import odd_folder

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


def save(root, labels="1 0.5 0.5 0.2 0.4\n", text=YAML):
    for name in ("train/a.png", "train/b.png", "val/c.png"):
        paint(root / "images" / name)
    (root / "labels" / "train").mkdir(parents=True, exist_ok=True)
    (root / "labels" / "val").mkdir(exist_ok=True)
    (root / "labels" / "train" / "a.txt").write_text(labels)
    (root / "labels" / "val" / "c.txt").write_text("0 0.5 0.5 1 1")
    (root / "data.yaml").write_text(text)
    return root


def test_images_come_with_their_boxes(tmp_path):
    images = Yolo(save(tmp_path), "train", 16)
    assert len(images) == 2 and images.class_names == ("cat", "dog") and images.provenance == PROXY_IMAGES
    assert images[0].name == "a.png" and images[0].labels.tolist() == [1]
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0.4, 0.3, 0.6, 0.7]]))
    assert len(images[1].labels) == 0 and len(images.bad_files) == 0, "no label file, no box"
    assert list(usable(Yolo(tmp_path, "val", 16))) == ["c.png"]


def test_the_file_itself_may_be_named_and_lie_elsewhere(tmp_path):
    root = save(tmp_path / "set")
    other = tmp_path / "mine.yaml"
    other.write_text(f"path: {root}\n{YAML}")
    assert len(Yolo(other, "train", 16)) == 2
    other.write_text(f"path: set\n{YAML}")
    assert len(Yolo(other, "train", 16)) == 2


@pytest.mark.parametrize("names", ["{0: cat, 1: dog}", "\n- cat\n- dog", "{1: dog, 0: cat}"])
def test_names_as_a_list_or_by_number(tmp_path, names):
    assert Yolo(save(tmp_path, text=f"train: images/train\nnames: {names}"), "train", 16).class_names == ("cat", "dog")


def test_images_in_lists_and_in_several_places(tmp_path):
    save(tmp_path, text="train: [some.txt, images/val]\nnames: [cat, dog]")
    (tmp_path / "some.txt").write_text(f"./images/train/b.png\n{tmp_path}/images/train/a.png\n\n")
    images = Yolo(tmp_path, "train", 16)
    assert [images[i].name for i in range(3)] == ["b.png", "a.png", "c.png"]
    assert [len(images[i].labels) for i in range(3)] == [0, 1, 1]


def test_the_last_folder_called_images_holds_the_labels(tmp_path):
    root = save(tmp_path / "images" / "x" / "images")
    assert len(Yolo(root, "train", 16)[0].labels) == 1


def test_labels_beside_the_images_where_no_folder_is_called_images(tmp_path):
    paint(tmp_path / "all" / "a.png")
    (tmp_path / "all" / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: all\nnames: [cat]")
    assert len(Yolo(tmp_path, "train", 16)[0].labels) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 0.5 0.5 0.2", "five numbers"),
        ("1 0.5 0.5 0.2 0.2 0.2", "five numbers"),
        ("dog 0.5 0.5 0.2 0.2", "five numbers"),
        ("2 0.5 0.5 0.2 0.2", "class 2 is not in names"),
        ("-1 0.5 0.5 0.2 0.2", "class -1"),
        ("0.5 0.5 0.5 0.2 0.2", "class 0.5"),
        ("1 320 240 64 64", "in units of the image"),
        ("1 0.5 0.5 -0.2 0.2", "in units of the image"),
        ("1 0.5 0.5 nan 0.2", "in units of the image"),
        ("1 0.5 0.5 0 0.2", "no area"),
    ],
)
def test_a_bad_line_is_one_fault_with_its_name(tmp_path, caplog, line, reason):
    images = Yolo(save(tmp_path, f"0 0.5 0.5 1 1\n{line}\n\n1.0 0.5 0.5 1 1"), "train", 16, max_bad=1)
    assert len(images.bad_files) == 1 and images[0].labels.tolist() == [0, 1]
    assert "a.txt, line 2" in caplog.text and reason in caplog.text
    with pytest.raises(ValueError, match=r"a\.txt, line 2.*max_bad is 0"):
        Yolo(tmp_path, "train", 16, max_bad=0)


def test_rounding_at_the_edge_is_no_fault(tmp_path):
    images = Yolo(save(tmp_path, "1 0.5 0.5 1.0004 0.4\n0 0.9 0.5 0.4 0.4"), "train", 16, max_bad=0)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0, 0.3, 1, 0.7], [0.7, 0.3, 1, 0.7]]))


def test_a_label_file_that_is_no_text_leaves_its_image_out(tmp_path, caplog):
    save(tmp_path)
    (tmp_path / "labels" / "train" / "a.txt").write_bytes(b"\xff\xfe\x00\x81")
    images = Yolo(tmp_path, "train", 16, max_bad=1)
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 1 and "a.txt" in caplog.text


def test_bad_images_and_bad_lines_count_together(tmp_path):
    save(tmp_path, "nothing\n")
    cut_short(tmp_path / "images" / "train" / "b.png")
    images = Yolo(tmp_path, "train", 16, max_bad=2)
    assert list(usable(images)) == ["a.png"] and len(images.bad_files) == 2
    with pytest.raises(ValueError, match=r"b\.png.*max_bad is 1"):
        usable(Yolo(tmp_path, "train", 16, max_bad=1))


def test_without_labels_no_label_file_is_read(tmp_path):
    images = Yolo(save(tmp_path, "nothing\n"), "train", 16, labeled=False, max_bad=0, limit=1)
    assert len(images) == 1 and images.class_names == () and len(images[0].labels) == 0


def test_that_no_image_has_labels_is_an_error(tmp_path):
    save(tmp_path)
    (tmp_path / "labels").rename(tmp_path / "annotations")
    with pytest.raises(ValueError, match=r"no image has a label file; .*a\.png would have .*labels/train/a\.txt"):
        Yolo(tmp_path, "train", 16)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("train: [", "not a readable YAML"),
        ("- train", "is not a data.yaml"),
        ("train: images/train", "names must be a list"),
        ("train: images/train\nnames: {1: cat, 2: dog}", "or map 0, 1"),
        ("train: images/train\nnames: [yes, no]", "got True; write it between quotes"),
        ("train: images/train\nnames: [cat, ' ']", r"data\.yaml: names must be words, got ' '; correct it"),
        ('train: images/train\nnames: [cat, "\\uD800"]', r"names must be words, got '\\ud800'; correct it"),
        ("val: images/val\nnames: [cat, dog]", "no images for 'train'; it has them for: val"),
        ("train: images/absent\nnames: [cat, dog]", "absent is neither a folder nor a list"),
        ("path: /absent\ntrain: images/train\nnames: [cat, dog]", "/absent/images/train is neither"),
        ("train: empty.txt\nnames: [cat, dog]", "empty.txt lists no image"),
    ],
)
def test_what_is_wrong_with_data_yaml_is_said(tmp_path, text, reason):
    save(tmp_path, text=text)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match=reason):
        Yolo(tmp_path, "train", 16)


def test_a_folder_without_data_yaml_says_what_it_holds(tmp_path):
    (tmp_path / "config.yaml").touch()
    with pytest.raises(ValueError, match=r"^root: .*data\.yaml does not exist \(.*config\.yaml\)"):
        Yolo(tmp_path, "train", 16)


def test_real_images(shared_data, tmp_path):
    root = shared_data / "coco_train2017_128"
    (tmp_path / "data.yaml").write_text(json.dumps({"path": str(root), "train": "images", "names": ["?"] * 80}))
    images = Yolo(tmp_path, "train", 32, max_bad=0)
    known = [images.annotation(i) for i in range(len(images))]
    # Two label files belong to images that are not there, and two images have no label file.
    orphans = {file.stem for file in (root / "labels").iterdir()} - {annotation.path.stem for annotation in known}
    lost = sum(len((root / "labels" / f"{stem}.txt").read_text().split("\n")) - 1 for stem in orphans)
    assert len(images) == 128 and sum(len(annotation.labels) for annotation in known) == 941 - lost
    assert torch.cat([annotation.labels for annotation in known]).unique().numel() == 71
    assert len(usable(Yolo(tmp_path, "train", 32, limit=9, max_bad=0))) == 9


def test_boxes_lie_on_the_picture_that_exif_turns(shared_data):
    folder = shared_data / "odd_files" / "exif_orientation"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    images = Yolo(folder, "train", 100, max_bad=0)
    for example in map(images.__getitem__, range(2)):
        x1, y1, x2, y2 = (example.boxes[0] * 100).round().int().tolist()
        colors = example.image[:, y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].float().mean((1, 2))
        torch.testing.assert_close(colors, torch.tensor([220.0, 30, 30]), rtol=0, atol=4)
        assert example.size == (120, 80)


def test_missing_label_files_are_counted_beside_empty_ones(tmp_path, caplog):
    save(tmp_path)
    for name, text in (("c", ""), ("d", " \n"), ("e", "bad")):
        paint(tmp_path / "images" / "train" / f"{name}.png")
        (tmp_path / "labels" / "train" / f"{name}.txt").write_text(text)
    assert len(Yolo(tmp_path, "train", 16)) == 5
    assert "data.yaml, train: 1 of 5 images have no label file, the first is" in caplog.text
    assert "b.png; they count as without objects, as do 2 with an empty one" in caplog.text


def test_where_no_label_file_is_missing_nothing_is_said(tmp_path, caplog):
    save(tmp_path)
    (tmp_path / "labels" / "train" / "b.txt").touch()
    assert len(Yolo(tmp_path, "train", 16)) == 2 and not caplog.text
    assert len(Yolo(save(tmp_path / "two"), "train", 16, labeled=False)) == 2 and not caplog.text


def test_a_line_that_stands_twice_is_one_box(tmp_path, caplog):
    images = Yolo(save(tmp_path, "0 0.5 0.5 1 1\n1 0.5 0.5 1 1\n0 0.50 0.5 1.0 1"), "train", 16, max_bad=0)
    assert images[0].labels.tolist() == [0, 1]
    assert "train: 1 lines repeat one of their file, the first is" in caplog.text and "a.txt, line 3" in caplog.text


def test_labels_beside_some_of_the_images_are_found(tmp_path):
    save(tmp_path, text="train: [images/train, images/val]\nnames: [cat, dog]")
    (tmp_path / "labels" / "val" / "c.txt").rename(tmp_path / "images" / "val" / "c.txt")
    images = Yolo(tmp_path, "train", 16)
    assert [images[i].labels.tolist() for i in range(3)] == [[1], [], [0]]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_marks_are_no_text(tmp_path, mark):
    save(tmp_path, f"{mark}1 0.5 0.5 0.2 0.4\r\n0 0.5 0.5 1 1", f"{mark}train: list.txt\nnames: [cat, dog]")
    (tmp_path / "list.txt").write_text(f"{mark}images\\train\\a.png\r\nimages/train/b.png")
    images = Yolo(tmp_path, "train", 16, max_bad=0)
    assert images.class_names == ("cat", "dog") and [images[i].labels.tolist() for i in range(2)] == [[1, 0], []]


def test_a_file_that_is_not_utf_8_says_what_to_do(tmp_path, caplog):
    save(tmp_path)
    (tmp_path / "labels" / "train" / "a.txt").write_bytes("1 0.5 0.5 0.2 0.4".encode("utf-16"))
    Yolo(tmp_path, "train", 16)
    assert "a.txt: byte 0 (from 0) is 0xff" in caplog.text and "save it as UTF-8" in caplog.text
    with pytest.raises(ValueError, match=r"^1 images or annotations cannot be used, .*max_bad is 0$"):
        Yolo(tmp_path, "train", 16, max_bad=0)


def test_the_message_of_too_many_bad_lines_is_that_of_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"^1 images or annotations .* is .*a\.txt, line 1: expected five numbers"):
        Yolo(save(tmp_path, f"x {'y' * 10**5}\n"), "train", 16, max_bad=0)


@pytest.mark.parametrize(("name", "labels"), [("few", [[0], *[[]] * 9]), ("mixed", [[0]] * 4), ("roboflow", [[0]] * 2)])
def test_sets_of_others(shared_data, caplog, name, labels):
    images = Yolo(odd_folder(shared_data, "yolo") / name, "train", 16, max_bad=0)
    assert [images[i].labels.tolist() for i in range(len(images))] == labels
    assert ("9 of 10 images have no label file" in caplog.text) is (name == "few")


def test_a_bomb_of_aliases_is_refused(shared_data):
    with pytest.raises(ValueError, match="aliases repeat more than") as caught:
        Yolo(odd_folder(shared_data, "yolo") / "yaml_bomb", "train", 16)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("names", ["[__background__, cat, dog]", "{0: cat, 1: _BACKGROUND_, 2: dog}"])
def test_background_is_no_class_and_its_boxes_are_counted(tmp_path, caplog, names):
    lines = [f"{label} 0.5 0.5 0.2 {0.1 * (label + 1)}" for label in range(3)]
    images = Yolo(save(tmp_path, "\n".join(lines), f"train: images/train\nnc: 3\nnames: {names}"), "train", 16)
    assert images.class_names == ("cat", "dog") and images[0].labels.tolist() == [0, 1]
    first = f"the first is that of {tmp_path / 'labels' / 'train' / 'a.txt'}"
    assert f"1 boxes are of the background, which is not an object, and are left out; {first}" in caplog.text


def test_background_alone_is_no_list_of_names(tmp_path):
    text = "train: images/train\nnames: [__background__]"
    with pytest.raises(
        ValueError, match="data.yaml: names: '__background__' is not an object, and there is no other name"
    ):
        Yolo(save(tmp_path, text=text), "train", 16)


def test_a_set_without_a_usable_image_names_the_last_one(tmp_path):
    save(tmp_path, text="train: list.txt\nnames: [cat]")
    (tmp_path / "list.txt").write_text("images/train/a.png\n")
    (tmp_path / "labels" / "train" / "a.txt").write_bytes("0 0.5 0.5 1 1".encode("utf-16"))
    said = r"the data set holds no image; the last of 1 that cannot be used is .*a\.txt: .*byte 0 .* is 0xff"
    with pytest.raises(ValueError, match=said):
        Yolo(tmp_path, "train", 16)
