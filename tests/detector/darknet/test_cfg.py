from pathlib import Path

import pytest

from diode_pl.detector.darknet.cfg import ConfigError, Section, number_sections, read_cfg
from diode_pl.detector.darknet.schema import check_section

TEXT = """\
# a comment
[net]
width = 64
height=32   # pixels

; another
[convolutional]
filters=8
anchors = 1, 2,  3.5,4,

[ route ]
layers=-1
"""


def write(path: Path, text: str) -> Path:
    file = path / "some.cfg"
    file.write_text(text)
    return file


def test_sections_know_where_they_stand(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT)
    net, convolution, route = read_cfg(file)
    assert [s.kind for s in (net, convolution, route)] == ["net", "convolutional", "route"]
    assert [s.number for s in (net, convolution, route)] == [-1, 0, 1]
    assert [s.line for s in (net, convolution, route)] == [2, 7, 11]
    assert {s.file for s in (net, convolution, route)} == {str(file)}
    assert net.options == {"width": "64", "height": "32"} and net.lines == {"width": 3, "height": 4}
    assert convolution.floats("anchors") == [1, 2, 3.5, 4]
    assert route.ints("layers") == [-1]


def test_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "some.cfg"
    file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert read_cfg(file)[0].int_of("height") == 32


def test_values() -> None:
    section = Section("maxpool", {"size": "3", "x": "1.5"})
    assert section.int_of("size") == 3 and section.int_of("stride", 7) == 7
    assert section.number_of("x") == 1.5 and section.number_of("y", 2.0) == 2.0
    assert section.text("size") == "3" and section.text("z", "none") == "none"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["no section", r"expected \[net\]"]),
        ("[net]\nwidth=1\n", [r"\[net\] and 0 more", "at least one layer"]),
        ("[convolutional]\nfilters=1\n[net]\n", [r"found \[convolutional\]", r"expected \[net\]"]),
        ("width=1\n[net]\n", ["line 1", "'width=1'", r"inside a \[kind\]"]),
        ("[net]\nwidth 1\n", ["line 2", "'width 1'", "key=value"]),
        ("[net\nwidth=1\n", ["line 1", r"'\[net'", r"\[kind\]"]),
    ],
)
def test_lines_that_make_no_sense(tmp_path: Path, text: str, wanted: list[str]) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read_cfg(file)
    assert str(error.value).startswith(str(file))
    for part in wanted:
        error.match(part)


def test_a_key_twice_keeps_the_first_value_and_where_the_other_is(tmp_path: Path) -> None:
    net = read_cfg(write(tmp_path, "[net]\nwidth=1\nwidth=1\nbatch=1\n\nbatch=64\n[yolo]\n"))[0]
    assert net.int_of("width") == 1 and net.int_of("batch") == 1 and net.repeated == {"batch": (6, "64")}


@pytest.mark.parametrize("place", ["start", "inside"])
def test_byte_order_marks_are_no_part_of_a_line(place: str, tmp_path: Path) -> None:
    text = "\ufeff" + TEXT if place == "start" else TEXT.replace("[conv", "\ufeff[conv")
    (tmp_path / "some.cfg").write_text(text, encoding="utf-8")
    assert [section.kind for section in read_cfg(tmp_path / "some.cfg")] == ["net", "convolutional", "route"]


def test_encodings(tmp_path: Path) -> None:
    file = tmp_path / "some.cfg"
    file.write_bytes(TEXT.replace("another", "größer").encode("latin1"))  # comments may be in any
    assert len(read_cfg(file)) == 3
    file.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(ConfigError, match="some.cfg: found a zero byte at 3, as in UTF-16; expected a text in UTF-8"):
        read_cfg(file)


def test_values_that_make_no_sense(tmp_path: Path) -> None:
    file = write(tmp_path, "[net]\n[maxpool]\nsize=three\nstride=1.5\npadding=1,2\nfilters=0\n")
    section = read_cfg(file)[1]
    for key, found, expected in (
        ("size", "not a list of numbers", "numbers separated by commas"),
        ("stride", "1.5", "whole number of at least 0"),
        ("padding", "2 numbers", "one number"),
    ):
        with pytest.raises(ConfigError) as error:
            section.int_of(key)
        error.match(f"section 0 .maxpool., line {section.lines[key]}, {key}={section.options[key]}: {found}")
        error.match(f"expected .*{expected}")
    with pytest.raises(ConfigError, match=r"line 6, filters=0: 0; expected a whole number of at least 1"):
        section.int_of("filters", at_least=1)
    with pytest.raises(ConfigError, match="stride=1.5: not whole numbers"):
        section.ints("stride")
    with pytest.raises(ConfigError, match=r"line 2: no key 'groups'; expected a line groups="):
        section.text("groups")


@pytest.mark.parametrize("value", ["nan", "inf", "-1e999"])
def test_numbers_that_are_not_finite(value: str) -> None:
    with pytest.raises(ConfigError, match=f"anchors=8, {value}: not finite; expected finite numbers"):
        Section("yolo", {"anchors": f"8, {value}"}).floats("anchors")


def test_sections_in_code_are_numbered() -> None:
    sections = number_sections([Section("net"), Section("yolo"), Section("route")], "mine")
    assert [s.number for s in sections] == [-1, 0, 1]
    assert str(sections[2].error("a", "b", "layers")) == "mine, section 1 [route]: a; expected b"
    with pytest.raises(ConfigError, match="mine: found no section"):
        number_sections([], "mine")


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>" + "x" * 100_000,
        "[net]\nwidth=" + "x" * 100_000,
        "[" + "x" * 100_000 + "]\n[net]\nwidth=8",
        "[net]\n[" + "x" * 100_000 + "]",
        "[net]\n" + "x" * 100_000 + "=1",
        "[net]\n[" + "x" * 100_000,
        "[net]\nwidth=8\nwidth=" + "9" * 100_000 + "\n[maxpool]",
    ],
)
def test_messages_are_bounded(text: str, tmp_path: Path) -> None:
    (tmp_path / "some.cfg").write_text(text)
    with pytest.raises(ConfigError, match=r"some\.cfg") as caught:
        for section in read_cfg(tmp_path / "some.cfg"):
            check_section(section)
            section.int_of("width", 8)
    assert len(str(caught.value)) < 1500
