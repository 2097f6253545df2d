"""Images with Pascal VOC's XML files."""

import pytest
import torch
from PIL import Image

from diode_pl.data.readers import Voc
from diode_pl.data.readers.voc import VOC_CLASSES
from tests.data.readers.pictures import cut_short, paint, usable
from tests.odd import odd_folder

SIZE = "<size><width>20</width><height>10</height><depth>3</depth></size>"


def thing(name="cat", corners=(3, 2, 12, 6), difficult=0):
    keys = ("xmin", "ymin", "xmax", "ymax")
    box = "".join(f"<{key}>{value}</{key}>" for key, value in zip(keys, corners, strict=True))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox></object>"


def save(root, stem, *things, size=SIZE, filename=None, suffix=".png"):
    paint(root / "JPEGImages" / f"{stem}{suffix}")
    (root / "Annotations").mkdir(exist_ok=True)
    text = f"<annotation><filename>{filename or stem + suffix}</filename>{size}{''.join(things)}</annotation>"
    (root / "Annotations" / f"{stem}.xml").write_text(text)
    return root


def read(root, split=None, **changes):
    return Voc(root, split, 16, **changes)


def test_boxes_go_from_the_left_edge_of_the_first_pixel_to_the_right_edge_of_the_last(tmp_path):
    save(tmp_path, "a", thing(), thing("dog", (1, 1, 20, 10)), thing("cat", (20, 10, 20, 10)))
    example = read(tmp_path)[0]
    assert [VOC_CLASSES[label] for label in example.labels] == ["cat", "dog", "cat"]
    torch.testing.assert_close(
        example.boxes, torch.tensor([[0.1, 0.1, 0.6, 0.6], [0, 0, 1, 1], [0.95, 0.9, 1, 1]]), atol=1e-6, rtol=0
    )


def test_a_painted_thing_lies_exactly_in_its_box(tmp_path):
    """The pixels that VOC counts as 3 to 12 and 2 to 6 are painted; at full resolution the box cuts them out."""
    save(tmp_path, "a", thing(corners=(3, 2, 12, 6)), size="<size><width>20</width><height>20</height></size>")
    picture = Image.new("RGB", (20, 20))
    for column in range(3, 13):
        for row in range(2, 7):
            picture.putpixel((column - 1, row - 1), (255, 255, 255))
    picture.save(tmp_path / "JPEGImages" / "a.png")
    example = Voc(tmp_path, None, 20)[0]
    x1, y1, x2, y2 = (example.boxes[0] * 20).round().int().tolist()
    inside = example.image[:, y1:y2, x1:x2].float()
    assert inside.min() == 255 and inside.sum() == example.image.float().sum()


def test_a_split_is_a_list_of_names(tmp_path):
    for stem in ("a", "b", "c"):
        save(tmp_path, stem, thing())
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("c\na  1\n\n")
    assert list(usable(read(tmp_path, "val"))) == ["c.png", "a.png"]
    assert list(usable(read(tmp_path))) == ["a.png", "b.png", "c.png"]
    with pytest.raises(ValueError, match=r"train\.txt does not exist, only val; None takes every file"):
        read(tmp_path, "train")


def test_classes_are_pascals_unless_another_occurs(tmp_path):
    save(tmp_path, "a", thing("dog"))
    assert read(tmp_path).class_names == VOC_CLASSES
    save(tmp_path, "b", thing("zebra"))
    assert read(tmp_path).class_names == ("dog", "zebra")


def test_the_usual_folders_are_found(tmp_path):
    save(tmp_path, "a", thing())
    for old, new in (("Annotations", "annotations"), ("JPEGImages", "images")):
        (tmp_path / old).rename(tmp_path / new)
    assert list(usable(read(tmp_path))) == ["a.png"]


def test_classes_can_be_collected_from_the_files(tmp_path):
    save(tmp_path, "a", thing("zebra"), thing("ant"))
    save(tmp_path, "b", thing("zebra"))
    images = read(tmp_path, class_names=None)
    assert images.class_names == ("ant", "zebra") and images[0].labels.tolist() == [1, 0]
    assert read(tmp_path, class_names=["zebra", "ant"])[0].labels.tolist() == [0, 1]
    assert read(tmp_path, class_names=None, labeled=False).class_names == ()


def test_difficult_boxes_are_ignored_regions_unless_asked_for(tmp_path):
    save(tmp_path, "a", thing(), thing("dog", difficult=1))
    example = read(tmp_path)[0]
    assert len(example.labels) == 1 and example.ignored.crowd.tolist() == [False]
    assert [VOC_CLASSES[label] for label in example.ignored.labels] == ["dog"]
    torch.testing.assert_close(example.ignored.boxes, torch.tensor([[0.1, 0.1, 0.6, 0.6]]))
    labels = read(tmp_path, difficult=True)[0]
    assert len(labels.labels) == 2 and labels.ignored is None


@pytest.mark.parametrize(
    "size", ["", "<size><width>0</width><height>0</height></size>", "<size><width>x</width></size>"]
)
def test_a_missing_size_is_read_off_the_image(tmp_path, size):
    images = read(save(tmp_path, "a", thing(), size=size), max_bad=0)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0.1, 0.1, 0.6, 0.6]]))


def test_a_missing_size_is_that_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    save(tmp_path, "a", thing(corners=(1, 1, 5, 10)), size="")
    Image.new("RGB", (20, 10)).save(tmp_path / "JPEGImages" / "a.png", exif=exif)
    example = read(tmp_path)[0]
    torch.testing.assert_close(example.boxes, torch.tensor([[0, 0, 0.5, 0.5]]))
    assert example.size == (20, 10)


def test_hidden_files_are_none_of_the_set(tmp_path):
    save(tmp_path, "a", thing())
    (tmp_path / "Annotations" / "._a.xml").write_bytes(b"\0\5\x16\7")
    assert list(usable(read(tmp_path, max_bad=0))) == ["a.png"]


def test_an_image_is_found_in_any_format_and_a_point_cloud_is_none(tmp_path):
    save(tmp_path, "a", thing(), filename="a", suffix=".tif")
    save(tmp_path, "b", thing(), filename="b")
    (tmp_path / "JPEGImages" / "b.pcd").write_text("points")
    assert list(usable(read(tmp_path, max_bad=0))) == ["a.tif", "b.png"]


def test_a_file_of_another_shape_than_declared_is_a_bad_image(tmp_path, caplog):
    save(tmp_path, "a", thing(), size="<size><width>10</width><height>20</height></size>")
    save(tmp_path, "b", thing(), size="<size><width>40</width><height>20</height></size>")
    images = read(tmp_path, max_bad=1)
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 1
    assert "a.png has 20 x 10 pixels" in caplog.text and "annotations say 10 x 20" in caplog.text


def test_without_size_and_without_image_there_is_one_fault(tmp_path, caplog):
    save(tmp_path, "a", thing(), size="")
    cut_short(tmp_path / "JPEGImages" / "a.png")
    images = read(save(tmp_path, "b", thing()), max_bad=1)
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 1
    assert "a.xml" in caplog.text and "a.png is not a readable image" in caplog.text


@pytest.mark.parametrize("filename", ["renamed.png", "a", "C:\\photos\\a.png"])
def test_an_image_that_is_not_where_the_file_says_is_found_by_the_name_of_the_file(tmp_path, filename):
    assert list(usable(read(save(tmp_path, "a", thing(), filename=filename)))) == ["a.png"]


def test_an_image_that_is_nowhere_is_a_fault_when_it_is_read(tmp_path, caplog):
    save(tmp_path, "b", thing())
    save(tmp_path, "a", thing())
    (tmp_path / "JPEGImages" / "a.png").unlink()
    images = read(tmp_path)
    assert len(images) == 2 and list(usable(images)) == ["b.png"] and "a.png" in caplog.text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (thing(corners=(12, 2, 3, 6)), "inverted"),
        (thing(corners=(25, 2, 30, 6)), "outside of the image"),
        (thing(corners=("x", 2, 30, 6)), "expected numbers"),
        (thing(corners=("nan", 2, 30, 6)), "finite"),
        (thing("unicorn"), "'unicorn' is not one of class_names; None for class_names takes"),
        ("<object><name>cat</name></object>", "expected numbers"),
        ("<object></object>", "no name"),
    ],
)
def test_a_bad_object_is_one_fault_with_its_name(tmp_path, caplog, bad, reason):
    images = read(save(tmp_path, "a", thing(), bad), max_bad=1, class_names=VOC_CLASSES)
    assert len(images.bad_files) == 1 and len(images[0].labels) == 1
    assert "a.xml: object 2" in caplog.text and reason in caplog.text
    with pytest.raises(ValueError, match=r"a\.xml: object 2.*max_bad is 0"):
        read(tmp_path, max_bad=0, class_names=VOC_CLASSES)


def test_a_box_that_reaches_beyond_the_image_is_clipped(tmp_path):
    images = read(save(tmp_path, "a", thing(corners=(0, 0, 21, 5))), max_bad=0)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0, 0, 1, 0.5]]))


@pytest.mark.parametrize("content", ["<annotation>", "", "<?xml version='1.0' encoding='klingon'?><a/>"])
def test_an_unreadable_file_leaves_its_image_out(tmp_path, caplog, content):
    save(tmp_path, "b", thing())
    save(tmp_path, "a")
    (tmp_path / "Annotations" / "a.xml").write_text(content)
    images = read(tmp_path, max_bad=1)
    assert list(usable(images)) == ["b.png"] and len(images.bad_files) == 1 and "a.xml" in caplog.text
    with pytest.raises(ValueError, match=r"a\.xml.*max_bad is 0"):
        read(tmp_path, max_bad=0)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"^annotations: .* has no folder Annotations or annotations; annotations names"
    ):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"^annotations: .*xml is not a folder"):
        read(tmp_path, annotations="xml")
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(ValueError, match=r"^images: .* has no folder JPEGImages or images; images names that"):
        read(tmp_path)
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(ValueError, match=r"^annotations: .* contains no XML file"):
        read(tmp_path)


def test_real_images(shared_data):
    keys = {"max_bad": 0}  # folders and classes are found
    images = read(shared_data / "raccoon", **keys)
    assert len(images) == 200 and images.class_names == ("raccoon",)
    assert sum(len(images.annotation(i).labels) for i in range(200)) == 217
    assert len(usable(read(shared_data / "raccoon", limit=12, **keys))) == 12


@pytest.mark.parametrize(("mark", "boxes"), [("True", 1), (" yes ", 1), ("1.0", 1), ("Unspecified", 2), ("false", 2)])
def test_difficult_is_any_truth_value(tmp_path, mark, boxes):
    save(tmp_path, "a", thing(), thing("dog", difficult=mark))
    assert len(read(tmp_path, max_bad=0)[0].labels) == boxes
    assert len(read(tmp_path, max_bad=0, difficult=True)[0].labels) == 2


def test_difficult_that_is_no_truth_value_is_a_fault(tmp_path, caplog):
    images = read(save(tmp_path, "a", thing(), thing("dog", difficult="perhaps")), max_bad=1)
    assert len(images[0].labels) == 1 and "a.xml: object 2: difficult: expected a truth value" in caplog.text
    assert len(read(tmp_path, difficult=True, max_bad=0)[0].labels) == 2, "nobody asks"


def test_files_without_an_object_are_counted(tmp_path, caplog):
    save(tmp_path, "a", thing())
    assert len(read(tmp_path)) == 1 and not caplog.text
    for stem in ("b", "c"):
        save(tmp_path, stem, "<objekt><name>cat</name></objekt>")
    assert len(read(tmp_path, max_bad=0)) == 3
    assert "2 of 3 XML files have no object, and count as images without any; the first is" in caplog.text
    assert "b.xml, whose tags are ['filename', 'size', 'objekt']" in caplog.text
    caplog.clear()
    assert len(read(tmp_path, labeled=False)) == 3 and not caplog.text


def test_the_boxes_are_those_of_the_picture_of_the_same_name(tmp_path, caplog):
    save(tmp_path, "a", thing("cat"), filename="b.png")
    save(tmp_path, "b", thing("dog"))
    save(tmp_path, "c", thing("cow"), filename="b.png")
    (tmp_path / "JPEGImages" / "c.png").unlink()
    images = read(tmp_path, max_bad=1)
    labels = {images[i].name: [VOC_CLASSES[label] for label in images[i].labels] for i in range(len(images))}
    assert labels == {"a.png": ["cat"], "b.png": ["dog"]}
    assert "c.xml" in caplog.text and "b.png belongs to b.xml, and there is no picture named c" in caplog.text


def test_files_with_a_capital_suffix_are_read_too(tmp_path):
    save(tmp_path, "a", thing())
    (tmp_path / "Annotations" / "a.xml").rename(tmp_path / "Annotations" / "a.XML")
    assert list(usable(save(tmp_path, "b", thing()) and read(tmp_path, max_bad=0))) == ["a.png", "b.png"]


def test_lists_of_a_split_with_marks_spaces_and_repetitions(tmp_path):
    for stem in ("a", "b c", "d 1"):
        save(tmp_path, stem, thing())
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_bytes("\ufeffa\r\nb c  -1\r\nd 1\r\na 1\r\n".encode())
    assert list(usable(read(tmp_path, "val", max_bad=0))) == ["a.png", "b c.png", "d 1.png"]
    (lists / "val.txt").write_bytes(b"\xe9")
    with pytest.raises(ValueError, match=r"^split: .*val\.txt cannot be read: .*save it as UTF-8"):
        read(tmp_path, "val")


@pytest.mark.parametrize(
    ("name", "classes"), [("03_difficult_variants", ["d0", "dUnspec"]), ("08_namespace", ["square"])]
)
def test_files_of_others(shared_data, name, classes):
    images = read(odd_folder(shared_data, "voc") / name, max_bad=0)
    example = images[0]
    assert [images.class_names[label] for label in example.labels] == classes and example.size == (80, 120)
    expected = torch.tensor([[12 / 120, 8 / 80, 60 / 120, 40 / 80]] * len(classes))
    torch.testing.assert_close(example.boxes, expected)


@pytest.mark.parametrize("class_names", [None, ["__background__", "cat", "dog"], ["cat", "dog"]])
def test_background_is_no_class_and_its_objects_are_counted(tmp_path, caplog, class_names):
    save(tmp_path, "a", thing("__background__", corners=(0, 0, 0, 0)), thing("cat"), thing("_Background_", difficult=1))
    images = read(save(tmp_path, "b", thing("__background__")), class_names=class_names, max_bad=0)
    assert images.class_names == (VOC_CLASSES if class_names is None else ("cat", "dog"))
    assert [[images.class_names[label] for label in images[i].labels] for i in range(2)] == [["cat"], []]
    assert images[0].ignored is None
    first = f"the first is object 1 of {tmp_path / 'Annotations' / 'a.xml'}"
    assert f"3 boxes are of the background, which is not an object, and are left out; {first}" in caplog.text
    assert caplog.text.count("of the background") == 1
