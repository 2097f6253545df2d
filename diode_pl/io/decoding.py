"""Reading one picture, whatever is in its file."""

import os
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from diode_pl.io.formats import readable_formats, unreadable_suffixes
from diode_pl.io.gray import to_8_bits
from diode_pl.io.text_files import require_regular
from diode_pl.io.tiff_kinds import count_strip_bytes, register_tiff_kinds, take_native_order

MAX_PIXELS = 2**27
"""Of a picture: 134 million."""
MAX_SIDE = 65_535
"""Of a picture, in pixels: as in JPEG. Resampling takes memory by the side, however few the pixels are."""
MAX_BYTES = 2**30
"""Of memory that decoding takes, by the size that a file declares."""
MAX_FILE_BYTES = 2**30
"""Of a file: some decoders read all of it at once. It is 8 bytes for each of the pixels."""

_SMALLER = "Cut it into tiles, or make it smaller"
# Bytes that a pixel takes: in these modes, 4 in others; and, measured, in decoders of these formats beside the picture.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
_HELD = {"WEBP": 13, "AVIF": 12, "JPEG2000": 20}
_RGB, _GRAY, _COEFFICIENT = 4, 1, 2
register_tiff_kinds()

# What makes a picture upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: str | Path) -> Image.Image:
    """Reads one image as an upright RGB Pillow picture.

    The EXIF orientation is applied. Gray of 16 or 32 bits is scaled, see :func:`~diode_pl.io.gray.to_8_bits`; alpha is
    dropped; of several frames or pages, the first one is taken. No other program is started, and nothing but regular
    files, to which links may lead, is opened.

    Args:
        path: of a file in any format of :func:`~diode_pl.io.formats.readable_formats`, whatever its name.

    Raises:
        ValueError: if the file is not a readable image, it or the picture is too large (``MAX_FILE_BYTES``,
            ``MAX_PIXELS``, ``MAX_SIDE``), or memory does not suffice.
    """
    path = Path(path)
    try:
        _require_file(path)
        # Not by its path: Pillow would map uncompressed files into memory, and mix up the rows of a turned TIFF.
        with path.open("rb") as stream, Image.open(stream, formats=readable_formats()) as file:
            if file.format == "TIFF" and path.suffix.lower() in unreadable_suffixes():
                raise UnidentifiedImageError  # camera raw: what TIFF readers find in there is a thumbnail
            _require_size(file)
            take_native_order(file)
            file.load()
            _require_size(file)  # that of icons is known only now
            picture, turn = to_8_bits(file), _find_turn(file)
        if picture.mode != "RGB":  # else it would be copied
            picture = picture.convert("RGB")
        return picture if turn is None else picture.transpose(turn)
    except Exception as error:  # decoders raise nearly anything on a damaged file
        raise ValueError(f"{path} is not a readable image: {_explain(error, path)}") from error


def is_readable(path: Path) -> bool:
    """Whether a file begins as one of a readable format; its pixels are not decoded."""
    try:
        _require_file(path)
        with Image.open(path, formats=readable_formats()):
            return True
    except Exception:  # as above
        return False


def _require_file(path: Path) -> None:
    require_regular(path)
    size = os.stat(path).st_size
    if not size:
        raise OSError("the file is empty")
    if size > MAX_FILE_BYTES:
        raise OSError(f"the file has {size:,} bytes, more than {MAX_FILE_BYTES:,}; make it smaller")


def _require_size(file: Image.Image) -> None:
    width, height = file.size
    if min(width, height) < 1:
        raise ValueError(f"{width} x {height} pixels (width x height) are none")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ValueError(
            f"{width:,} x {height:,} pixels (width x height) are too many: at most {MAX_PIXELS:,}, and {MAX_SIDE:,} on "
            f"a side. {_SMALLER}"
        )
    if (needed := _count_bytes(file)) > MAX_BYTES:
        raise ValueError(
            f"{width:,} x {height:,} pixels (width x height) of {file.format}, {file.mode}, take {needed:,} bytes to "
            f"decode, more than {MAX_BYTES:,}. {_SMALLER}"
        )


def _count_bytes(file: Image.Image) -> int:
    """Bytes of memory until the picture is RGB and upright, about."""
    pixels, stored, held = file.width * file.height, _STORED.get(file.mode, 4), _HELD.get(file.format or "", 0)
    if file.info.get("progressive"):  # JPEG
        held = _COEFFICIENT * len(file.getbands())
    deep = file.mode.startswith(("I", "F"))
    return max(pixels * (stored + held) + count_strip_bytes(file), pixels * (stored + _GRAY * deep + _RGB))


def _find_turn(file: Image.Image) -> Image.Transpose | None:
    """None if the picture, which is loaded, is upright: decoders turn TIFF themselves and delete the orientation."""
    try:
        return _TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are good even if what is said of them is not
        return None


def _explain(error: Exception, path: Path) -> str:
    if isinstance(error, UnidentifiedImageError):
        suffix, needed = path.suffix.lower(), unreadable_suffixes()
        what = f"{suffix} is a format" if suffix in needed else "it is damaged, or of a format"
        return f"{what} that Pillow does not decode by itself; convert it to PNG or JPEG"
    if isinstance(error, Image.DecompressionBombError):  # Pillow's own limit is higher, and checked first
        return f"it declares more than {MAX_PIXELS:,} pixels. {_SMALLER}"
    if isinstance(error, MemoryError):
        return "memory does not suffice to decode it"
    return str(error) or type(error).__name__
