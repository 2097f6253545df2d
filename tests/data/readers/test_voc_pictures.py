"""The picture that an XML file belongs to."""

from pathlib import Path

import pytest

from diode_pl.data.readers import voc_pictures
from diode_pl.data.readers.voc_pictures import PictureFinder


@pytest.fixture
def find(tmp_path):
    """Finds among files of these names, where the XML files are those of ``xml``."""

    def build(*names, xml=()):
        for name in [*names, *(f"xml/{each}.xml" for each in xml)]:
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).touch()
        finder = PictureFinder(tmp_path)
        return lambda stem, stated="": finder(tmp_path / "xml" / f"{stem}.xml", stated).relative_to(tmp_path).as_posix()

    return build


@pytest.mark.parametrize(
    ("stem", "stated", "picture"),
    [
        ("a", "b.png", "a.jpg"),  # a copied XML file
        ("a", "a.png", "a.png"),  # of several pictures of its name the one that it states
        ("a", "A.JPG", "a.jpg"),
        ("a", "", "a.jpg"),
        ("a", "C:\\photos\\a.png", "a.png"),
        ("a", "/home/me/a.tif", "a.jpg"),
        ("x", "b.png", "b.png"),
        ("x", "C:\\photos\\b.png", "b.png"),
        ("x", "sub\\c.png", "sub/c.png"),
        ("c", "sub/c.png", "sub/c.png"),
        ("a.png", "", "a.png"),  # a.png.xml
        ("d.e", "", "d.e.PNG"),
        ("camera", "", "camera.heic"),
    ],
)
def test_that_of_its_own_name_comes_first(find, stem, stated, picture):
    look = find("a.jpg", "a.png", "b.png", "sub/c.png", "d.e.PNG", "camera.heic", "a.pcd")
    assert look(stem, stated) == picture


@pytest.mark.parametrize(
    ("stated", "path"), [("", "x.jpg"), ("gone.png", "gone.png"), ("x", "x"), ("x" * 1000, "x" * 1000)]
)
def test_a_picture_that_is_nowhere_is_still_named(find, stated, path):
    look = find("a.png")
    assert look("x", stated) == path == look("x", stated)


def test_a_picture_belongs_to_the_xml_of_its_name(find):
    look = find("a.png", xml=["a", "x"])
    with pytest.raises(ValueError, match=r"a\.png belongs to a\.xml, and there is no picture named x"):
        look("x", "a.png")
    assert look("a") == "a.png"


def test_a_picture_belongs_to_one_of_those_that_state_it(find):
    look = find("a.png", xml=["x", "y"])
    assert look("x", "a.png") == "a.png" == look("x", "a.png")
    with pytest.raises(ValueError, match=r"a\.png belongs to x\.xml, and there is no picture named y"):
        look("y", "a.png")
    assert look("z", "gone.png") == look("y", "gone.png"), "what is not there is bad when it is read"


def test_the_folder_is_listed_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(voc_pictures, "group_by_stem", lambda folder: calls.append(folder) or {})
    finder = PictureFinder(tmp_path)
    for stem in "abc":
        finder(Path(f"{stem}.xml"), "")
    assert calls == [tmp_path]
