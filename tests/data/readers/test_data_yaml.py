"""The data.yaml of YOLO trainers."""

import pytest

from diode_pl.data.readers.data_yaml import DataYaml
from tests.data.readers.pictures import paint
from tests.odd import odd_folder


def save(root, text, *images):
    root.mkdir(exist_ok=True, parents=True)
    for image in images:
        paint(root / image)
    (root / "data.yaml").write_text(text)
    return DataYaml(root)


def listed(root, data, split="train"):
    return [path.relative_to(root).as_posix() for path in data.list_split(split)]


@pytest.mark.parametrize("count", ["2", "2.0", "'2'", "null"])
def test_the_number_of_names_may_be_stated(tmp_path, count):
    assert save(tmp_path, f"nc: {count}\nnames: [a, b]").names == ["a", "b"]


@pytest.mark.parametrize("count", ["1", "3", "'two'", "2.5", "yes", "[2]", "0"])
def test_another_number_than_that_of_names_is_refused(tmp_path, count):
    with pytest.raises(ValueError, match=r"data\.yaml: nc is .*, and names has 2; correct one of them"):
        save(tmp_path, f"nc: {count}\nnames: {{0: a, 1: b}}")


def test_a_name_for_several_labels_is_said(tmp_path, caplog):
    assert save(tmp_path, "names: [a, b, a]").names == ["a", "b", "a"]
    assert "data.yaml: several labels stand for one class: ['a']" in caplog.text


@pytest.mark.parametrize("source", ["../train/images", "..\\train\\images", "./../train/images", "../../train/images"])
def test_a_folder_that_is_one_up_too_many_is_found(tmp_path, source):
    data = save(tmp_path / "set", f"train: {source}\nnames: [a]", "train/images/1.png")
    assert listed(tmp_path / "set", data) == ["train/images/1.png"]


def test_one_up_is_meant_where_it_leads_somewhere(tmp_path, caplog):
    paint(tmp_path / "images" / "2.png")
    data = save(tmp_path / "set", "train: ../images\nnames: [a]")
    assert [path.name for path in data.list_split("train")] == ["2.png"] and not caplog.text
    paint(tmp_path / "set" / "images" / "1.png")
    assert [path.name for path in data.list_split("train")] == ["2.png"]
    assert "images is taken; there is" in caplog.text


def test_backslashes_separate_folders_everywhere(tmp_path):
    save(tmp_path, "path: set\\all\ntrain: [images\\train, lists\\some.txt]\nnames: [a]")
    root = tmp_path / "set" / "all"
    for name in ("images/train/1.png", "lists/2.png", "lists/sub/3.png"):
        paint(root / name)
    (root / "lists" / "some.txt").write_bytes(b"\xef\xbb\xbf.\\2.png\r\nsub\\3.png\r\n")
    assert listed(root, DataYaml(tmp_path)) == ["images/train/1.png", "lists/2.png", "lists/sub/3.png"]


def test_an_image_that_is_listed_again_counts_once(tmp_path, caplog):
    data = save(tmp_path, "train: [list.txt, images, images/a]\nnames: [a]", "images/a/1.png", "images/2.png")
    (tmp_path / "list.txt").write_text("images/2.png\nimages/a/../2.png\n./images/2.png\nimages/3.png")
    assert listed(tmp_path, data) == ["images/2.png", "images/3.png", "images/a/1.png"]
    assert "4 images are listed again, the first is" in caplog.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("train: {a: images}\nnames: [a]", r"train: expected a path, or a list of paths, got \{'a': 'images'\}"),
        ("train: [[images]]\nnames: [a]", r"train: expected a path, or a list of paths, got \['images'\]"),
        ("train: [images, 7]\nnames: [a]", "train: expected a path, or a list of paths, got 7"),
        ("train: [images, empty.txt]\nnames: [a]", r"empty\.txt lists no image"),
        ("train: latin.txt\nnames: [a]", r"latin\.txt cannot be read: .*byte 1 .*save it as UTF-8"),
        (f"train: {'x' * 5000}\nnames: [a]", "is neither a folder nor a list"),
    ],
)
def test_a_source_that_is_none_is_named(tmp_path, text, reason):
    data = save(tmp_path, text, "images/1.png")
    (tmp_path / "empty.txt").write_bytes(b"\xef\xbb\xbf\n")
    (tmp_path / "latin.txt").write_bytes(b"a\xe9.png")
    with pytest.raises(ValueError, match=reason) as caught:
        data.list_split("train")
    assert len(str(caught.value)) < 800 + 3 * len(str(tmp_path))


def test_names_that_are_none_are_quoted_in_short(tmp_path):
    with pytest.raises(ValueError, match="names must be words, got") as caught:
        save(tmp_path, f"names: [[{'x,' * 50_000}]]")
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_files_of_others(shared_data):
    folder = odd_folder(shared_data, "yolo")
    with pytest.raises(ValueError, match=r"05_nc_mismatch\.yaml: nc is 3, and names has 1"):
        DataYaml(folder / "05_nc_mismatch.yaml")
    data = DataYaml(folder / "roboflow")
    for split, place in (("train", "train"), ("val", "valid"), ("test", "test")):
        assert listed(folder / "roboflow", data, split) == [f"{place}/images/{name}.png" for name in "ab"]
