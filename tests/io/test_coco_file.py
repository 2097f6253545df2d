"""Lists and categories of a COCO annotation file."""

import json

import pytest

from diode_pl.io.coco_file import read_content


def save(folder, *categories, encoding="utf-8", **changes):
    path = folder / "truth.json"
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": categories} | changes), encoding)
    return path


def category(key, name):
    return {"id": key, "name": name}


def test_labels_count_categories_in_the_order_of_the_file(tmp_path):
    content = read_content(save(tmp_path, category(9, "dog"), category(3, "cat"), category("x", 7)))
    assert content.names == ["dog", "cat", "7"] and content.label == {9: 0, 3: 1, "x": 2}


def test_a_mark_in_front_is_no_part_of_the_file(tmp_path):
    assert read_content(save(tmp_path, category(1, "größe"), encoding="utf-8-sig")).names == ["größe"]


def test_categories_of_one_name_are_one_class(tmp_path, caplog):
    content = read_content(
        save(tmp_path, category(0, "mug"), category(1, "key"), category(2, "mug "), category(1, "key"))
    )
    assert content.names == ["mug", "key"] and content.label == {0: 0, 1: 1, 2: 0}
    assert "truth.json: several ids stand for one class: ['mug']" in caplog.text


@pytest.mark.parametrize(
    ("categories", "reason"),
    [
        (
            [category(1, "a"), category(1, "b")],
            r"id 1 is that of 'a' and of 'b' \(categories\[1\]\); ids must be unique",
        ),
        ([category(1, "a"), category(1.0, "b")], r"id 1.0 is that of 'a' and of 'b'"),
        ([category(1, None)], r"id and name must be .* got 1 and None \(categories\[0\]\)"),
        ([category([1], "a")], r"id and name must be .* got \[1\] and 'a'"),
        ([category(1, "a"), category(2, " ")], r"name must be .* not empty, got ' ' \(categories\[1\]\)"),
        ([{"id": 1}], "KeyError: 'name'"),
        (["a"], "every image, annotation and category must be a mapping"),
    ],
)
def test_a_bad_category_is_an_error_of_the_file(tmp_path, categories, reason):
    with pytest.raises(ValueError, match=r"truth\.json is not a COCO annotation file: .*" + reason):
        read_content(save(tmp_path, *categories))


def test_an_encoding_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "truth.json").write_bytes(b'{"images": "\xe9"}')
    with pytest.raises(ValueError, match=r"truth\.json: byte 12 .*save it as UTF-8"):
        read_content(tmp_path / "truth.json")


def test_half_a_letter_is_no_name(tmp_path):
    """Nobody could write it into a file or a message."""
    path = tmp_path / "boxes.json"
    path.write_text('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "mug\\ud800"}]}')
    with pytest.raises(
        ValueError, match=r"name must be a text in Unicode that is not empty, got 'mug\\ud800' \(categories\[0\]\)"
    ):
        read_content(path)
