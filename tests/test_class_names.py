"""Classes of two data sets meet by name."""

from pathlib import Path

import pytest

from diode_pl.class_names import match_classes, read_names, require_stored_names
from diode_pl.detector.loading import SHAPES


def test_names_are_found_whatever_their_place():
    assert match_classes(["dog", "cow", "cat"], ["cat", "dog"]) == [1, -1, 0]


def test_spellings_of_one_class_are_one():
    voc = ["aeroplane", "diningtable", "motorbike", "pottedplant", "sofa", "tvmonitor"]
    coco = ["airplane", "dining table", "motorcycle", "potted plant", "couch", "TV"]
    assert match_classes(voc, coco) == match_classes(coco, voc) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("names", "others", "expected"),
    [
        (["A", "a"], ["a", "A"], [1, 0]),
        (["a", "A"], ["A"], [-1, 0]),
        (["A"], ["a", "A"], [1]),
        (["sofa", "couch"], ["couch", "sofa"], [1, 0]),
        (["couch", "sofa"], ["Sofa"], [-1, 0]),  # letter case before synonyms
        (["sofa"], ["a", "couch"], [1]),
        (["TV"], ["tv", "Tv"], [-1]),  # either may be meant
        (["tv", "Tv"], ["TV"], [-1, -1]),
        (["cat", "cat"], ["cat"], [0, 0]),  # a data set may list a class twice
        (["Cat", "Cat"], ["cat"], [0, 0]),
        (["cat"], ["cat", "cat"], [0]),
        (["STRASSE", "cafe\u0301"], ["caf\u00e9", "stra\u00dfe"], [1, 0]),
        ([], ["a"], []),
        (["a"], [], [-1]),
    ],
)
def test_exact_names_come_first(names: list[str], others: list[str], expected: list[int]):
    assert match_classes(names, others) == expected


def test_a_file_with_a_byte_order_mark_gives_the_names(tmp_path: Path):
    (tmp_path / "a.names").write_bytes(b"\xef\xbb\xbf mug \r\n\r\nkey")
    assert read_names(tmp_path / "a.names") == ["mug", "key"]


def test_names_of_the_shared_file_with_a_byte_order_mark(shared_data: Path):
    if not (file := shared_data / "odd_files" / "names" / "bom.names").is_file():
        pytest.skip("needs shared/data/odd_files")
    assert read_names(file) == list(SHAPES)


def test_a_file_that_holds_no_names_is_named(tmp_path: Path):
    file = tmp_path / "a.names"
    with pytest.raises(ValueError, match=r"^names: /.*a.names does not exist"):
        read_names(file)
    for content, fault in (
        (b"\xef\xbb\xbf\n \n", "a.names is empty; expected one class"),
        ("Mütze".encode("latin1"), r"a.names: byte 1 \(from 0\) is 0xfc"),
    ):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"^names: .*{fault}"):
            read_names(file)


def test_a_file_states_each_name_once(tmp_path: Path):
    file = tmp_path / "a.names"
    file.write_bytes("\ufeffmug\r\n\r\nkey\r\n mug \r\n".encode())
    with pytest.raises(
        ValueError, match=r"^names: .*a.names states 'mug' on line 1 and again on line 4; expected anot"
    ):
        read_names(file)
    file.write_text("a\nA\nN/A\nsofa\ncouch\nN/A\n")  # the last of torchvision's list
    assert read_names(file) == ["a", "A", "N/A", "sofa", "couch", "N/A"]


@pytest.mark.parametrize("background", ["__background__", "_background_", "__BACKGROUND__"])
def test_background_is_no_object(background: str):
    assert read_names([background, "cat", "background"]) == ["cat", "background"]
    for misplaced in (["cat", background], [background, background, "cat"]):
        with pytest.raises(ValueError, match=f"names: {background} is not an object; expected it as the first"):
            read_names(misplaced)


def test_background_alone_is_no_list_of_names():
    assert read_names([]) == []
    with pytest.raises(ValueError, match="names: __background__ is not an object, and there is no other name"):
        read_names(["__background__"])


def test_long_names_are_quoted_in_short(tmp_path: Path):
    long = "x" * 100_000
    (tmp_path / "a.names").write_text(f"{long}\n{long}\n")
    for call in (lambda: read_names(tmp_path / "a.names"), lambda: require_stored_names(["a"], [long], "a.pt")):
        with pytest.raises(ValueError, match=r"'x+\.\.\.x+'") as caught:
            call()
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", [1, False, None])
def test_what_yaml_makes_of_names(name: object, unchecked: None):
    with pytest.raises(ValueError, match=f"names must be words, got {name}; write it between quotes"):
        read_names(["cat", name])  # type: ignore[list-item]


def test_names_that_a_file_stores_are_required():
    for names in (["sofa", "TV"], ["couch", "tv"]):
        require_stored_names(names, ["couch", "tv"], "a.safetensors")
    require_stored_names(["dog"], None, "a.pt")
    for names, fault in (
        (["tv", "couch"], "class 0 is 'couch' in a.safetensors, not 'tv'"),
        (["sofa", "cat"], "class 1 is 'tv' in a.safetensors, not 'cat'"),
        (["couch"], "1 names are given, 2 are in a.safetensors; the first 1 are equal"),
        (["couch", "tv", "cat"], "3 names are given, 2 are in a.safetensors; the first 2 are equal"),
    ):
        with pytest.raises(ValueError, match=f"names: {fault}; expected the names of the weights"):
            require_stored_names(names, ["couch", "tv"], "a.safetensors")
