"""XML files of Pascal VOC."""

import os

import pytest

from diode_pl.io.voc import Page, is_difficult, read_object

BOX = "<bndbox><xmin>3</xmin><ymin>2</ymin><xmax>12</xmax><ymax>6</ymax></bndbox>"
SIZE = "<size><width>20</width><height>10</height></size>"
TEXT = f"<annotation><filename>a.png</filename>{SIZE}<object><name>Cat</name>{BOX}</object></annotation>"
PREFIXED = TEXT.replace("<", "<v:").replace("<v:/", "</v:").replace("<v:annotation>", "<v:annotation xmlns:v='u'>")


def save(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def capital(text):
    for tag in ("annotation", "filename", "size", "width", "height", "object", "name", "bndbox", "xmin", "ymax"):
        text = text.replace(f"<{tag}>", f"<{tag.title()}>").replace(f"</{tag}>", f"</{tag.title()}>")
    return text


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("<annotation>", "<annotation xmlns='http://example.org/voc'>"),
        TEXT.replace("<object>", "<object xmlns='u'>"),
        PREFIXED,
        capital(TEXT),
        "<!-- made by hand --><?a b?>" + TEXT.replace("<object>", "<!-- one --><object>"),
        "\ufeff" + TEXT,
        ("<?xml version='1.0' encoding='utf-16'?>" + TEXT).encode("utf-16"),
    ],
    ids=["plain", "namespace", "namespace of the object", "prefix", "capital", "comments", "mark", "utf-16"],
)
def test_namespaces_and_the_case_of_tags_do_not_matter(tmp_path, text):
    page = Page(save(tmp_path, text))
    assert page.filename == "a.png" and page.size == (20, 10) and page.tags == ["filename", "size", "object"]
    (thing,) = page.objects
    assert read_object(thing, 20.0, 10.0) == ("Cat", pytest.approx((0.1, 0.1, 0.6, 0.6)))
    assert not is_difficult(thing)


@pytest.mark.parametrize(
    "text", ["<svg/>", "<a><objects><object/></objects></a>", "<annotation><objekt/></annotation>"]
)
def test_other_files_have_no_object(tmp_path, text):
    assert not Page(save(tmp_path, text)).objects


@pytest.mark.parametrize(
    ("mark", "difficult"),
    [("1", True), (" 1 ", True), ("True", True), ("yes", True), ("1.0", True), ("0", False), ("", False)]
    + [("Unspecified", False), ("false", False), ("0.0", False)],
)
def test_difficult_is_any_truth_value(tmp_path, mark, difficult):
    page = Page(save(tmp_path, TEXT.replace("<bndbox>", f"<Difficult>{mark}</Difficult><bndbox>")))
    assert is_difficult(page.objects[0]) is difficult


def test_what_is_no_truth_value_is_named(tmp_path):
    page = Page(save(tmp_path, TEXT.replace("<bndbox>", "<difficult>perhaps</difficult><bndbox>")))
    with pytest.raises(ValueError, match="difficult: expected a truth value .* got 'perhaps'"):
        is_difficult(page.objects[0])


@pytest.mark.parametrize(
    ("corner", "reason"),
    [
        ("9" * 400, "finite numbers of single precision"),
        ("1e39", "finite numbers of single precision"),
        ("nan", "finite numbers of single precision"),
        ("3.00000001", "no area in single precision"),
        ("x" * 10**5, "expected numbers in bndbox"),
    ],
    ids=["digits", "1e39", "nan", "thin", "text"],
)
def test_numbers_that_boxes_cannot_hold(tmp_path, corner, reason):
    thin = TEXT.replace("<xmin>3<", "<xmin>4<").replace("<xmax>12<", f"<xmax>{corner}<")
    (thing,) = Page(save(tmp_path, thin)).objects
    with pytest.raises(ValueError, match=reason) as caught:
        read_object(thing, 20.0, 10.0)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["", "<a>", "<?xml version='1.0' encoding='klingon'?><a/>", "<v:a/>", b"<a>\xe9</a>"])
def test_what_is_no_xml_is_one_error(tmp_path, text):
    with pytest.raises(ValueError, match="it is not XML that can be read"):
        Page(save(tmp_path, text))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "device.xml").symlink_to("/dev/zero")
    for path in tmp_path.iterdir():
        with pytest.raises(OSError, match="it is not a regular file"):
            Page(path)


def test_entities_that_multiply_are_refused(tmp_path):
    entities = "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10))
    text = f"<!DOCTYPE a [<!ENTITY a0 'xxxxxxxxxx'>{entities}]><a>&a9;</a>"
    with pytest.raises(ValueError, match="it is not XML that can be read"):
        Page(save(tmp_path, text))
