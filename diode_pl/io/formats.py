"""Formats of pictures: which ones Pillow decodes by itself, and the names of files of them."""

from PIL import Image

# EPS starts Ghostscript. IPTC opens whatever is inside, EPS too. The others are identified only: what draws them, if
# anything, is the operating system or a plugin.
_NOT_DECODED = frozenset({"EPS", "IPTC", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
_USUAL = frozenset({"JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM"})  # of the others, some know files by little
_OPENED_AS = {"MPO": "JPEG"}  # formats that Pillow finds while it opens another

# Of pictures that Pillow does not decode: those above, vector graphics, camera raw, and what needs other libraries.
# .raw, .hdr and .pdf are left out, which many other files are named as well.
# fmt: off
_NEEDS_CONVERSION = frozenset({
    ".eps", ".ps", ".wmf", ".emf", ".iim", ".svg", ".svgz", ".ai",
    ".heic", ".heif", ".hif", ".jxl", ".jxr", ".exr", ".psb", ".xcf", ".dcm", ".fpx", ".mic",
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".pef", ".raf", ".3fr",
    ".iiq", ".srw", ".x3f",
})
# fmt: on
SHARED_SUFFIXES = frozenset({".pcd", ".fit"})
"""Suffixes of readable formats that other files have more often: point clouds, records of sport."""


def readable_formats() -> list[str]:
    """Names of the formats that Pillow decodes here without starting another program, usual ones first.

    Plugins that are registered later are included from then on.
    """
    Image.init()
    return sorted((name for name in Image.ID if name not in _NOT_DECODED), key=lambda name: name not in _USUAL)


def readable_suffixes() -> frozenset[str]:
    """Usual endings of files of the readable formats, in lower case, with the dot."""
    readable = {*readable_formats()}
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if _OPENED_AS.get(name, name) in readable)


def unreadable_suffixes() -> frozenset[str]:
    """Usual endings of files that are pictures and cannot be read, in lower case, with the dot."""
    return _NEEDS_CONVERSION - readable_suffixes()
