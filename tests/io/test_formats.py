import pytest
from PIL import Image

from diode_pl.io.formats import SHARED_SUFFIXES, readable_formats, readable_suffixes, unreadable_suffixes


def test_every_format_but_those_that_another_program_draws() -> None:
    Image.init()
    assert {*Image.OPEN} - {*readable_formats()} <= {"EPS", "IPTC", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
    assert {*readable_formats()} >= {
        "JPEG",
        "PNG",
        "TIFF",
        "GIF",
        "WEBP",
        "BMP",
        "PPM",
        "TGA",
        "JPEG2000",
        "PSD",
        "ICO",
    }
    assert not {"EPS", "IPTC"} & {*readable_formats()}


def test_usual_formats_are_tried_first() -> None:
    assert {*readable_formats()[:7]} == {"BMP", "GIF", "JPEG", "PPM", "PNG", "TIFF", "WEBP"}


def test_suffixes_are_those_of_the_formats() -> None:
    usual = (
        ".jpg .jpeg .jfif .jpe .mpo .png .bmp .webp .tif .tiff .gif .ppm .pgm .pnm .pfm .tga .jp2 .j2k .psd .ico .qoi"
    )
    assert {*usual.split()} <= readable_suffixes() and readable_suffixes() >= SHARED_SUFFIXES
    assert {".heic", ".eps", ".svg", ".nef", ".jxl"} <= unreadable_suffixes()
    assert not readable_suffixes() & unreadable_suffixes()
    assert not {".txt", ".xml", ".json", ".pdf", ".mp4", ".mpg", ".h5"} & (readable_suffixes() | unreadable_suffixes())


def test_a_plugin_adds_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    readable_formats()
    monkeypatch.setattr(Image, "ID", [*Image.ID, "HEIF"])
    monkeypatch.setattr(Image, "EXTENSION", Image.EXTENSION | {".heic": "HEIF"})
    assert ".heic" in readable_suffixes() and ".heic" not in unreadable_suffixes()
