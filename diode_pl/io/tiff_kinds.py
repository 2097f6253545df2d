"""TIFF pictures: gray that Pillow has no entry for, or whose bytes it takes in the wrong order, and size of strips."""

from typing import Any

from PIL import Image, TiffImagePlugin

_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # values of the tag SampleFormat
_BITS, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_LENGTH = 258, 277, 278, 322, 323  # numbers of tags
_WHITE_IS_MINIMUM, _BLACK_IS_MINIMUM = 0, 1  # values of the tag PhotometricInterpretation
# Mode of the picture, and how its raw bytes are unpacked, by kind and bits. Floats of 16 bits are taken as integers;
# `to_8_bits` knows better.
_KINDS = {
    b"II": {
        (_UNSIGNED, 16): ("I;16", "I;16"),
        (_UNSIGNED, 32): ("I", "I;32"),
        (_SIGNED, 16): ("I", "I;16S"),
        (_SIGNED, 32): ("I", "I;32S"),
        (_FLOAT, 16): ("I;16", "I;16"),
        (_FLOAT, 32): ("F", "F;32F"),
        (_FLOAT, 64): ("F", "F;64F"),
    },
    b"MM": {
        (_UNSIGNED, 16): ("I;16B", "I;16B"),
        (_UNSIGNED, 32): ("I", "I;32B"),
        (_SIGNED, 16): ("I", "I;16BS"),
        (_SIGNED, 32): ("I", "I;32BS"),
        (_FLOAT, 16): ("I;16B", "I;16B"),
        (_FLOAT, 32): ("F", "F;32BF"),
        (_FLOAT, 64): ("F", "F;64BF"),
    },
}
# libtiff, which decompresses, gives the bytes in the order of the machine.
_NATIVE = {"I;32": "I;32N", "I;32B": "I;32N", "I;16S": "I;16NS", "I;16BS": "I;16NS", "I;32S": "I;32NS"}
_NATIVE |= {"I;32BS": "I;32NS", "F;32F": "F;32NF", "F;32BF": "F;32NF", "F;64F": "F;64NF", "F;64BF": "F;64NF"}


def register_tiff_kinds() -> None:
    """Adds to Pillow's table of TIFF pictures what is missing of gray: 16 to 64 bits, of either order and minimum."""
    for order, kinds in _KINDS.items():
        for (kind, bits), mode in kinds.items():
            for minimum in (_WHITE_IS_MINIMUM, _BLACK_IS_MINIMUM):
                TiffImagePlugin.OPEN_INFO.setdefault((order, minimum, (kind,), 1, (bits,), ()), mode)


def take_native_order(file: Image.Image) -> None:
    """Lets a compressed TIFF picture be unpacked in the order of bytes that libtiff gives; changes no other one.

    Args:
        file: open, and not loaded yet.
    """
    if not isinstance(file, TiffImagePlugin.TiffImageFile):
        return
    tiles: list[Any] = file.tile
    for i, tile in enumerate(tiles):
        if tile.codec_name == "libtiff" and isinstance(tile.args, tuple) and tile.args[0] in _NATIVE:
            tiles[i] = tile._replace(args=(_NATIVE[tile.args[0]], *tile.args[1:]))


def count_strip_bytes(file: Image.Image) -> int:
    """Bytes of a strip or tile of a TIFF picture, which is decompressed as a whole; 0 of another format.

    A tile may be larger than the picture.
    """
    tags: Any = getattr(file, "tag_v2", None)
    if tags is None:
        return 0

    def read(tag: int, default: int) -> tuple[int, ...]:
        found = tags.get(tag, default)
        return tuple(int(each) for each in found) if isinstance(found, tuple) else (int(found),)

    bits, samples = read(_BITS, 1), read(_SAMPLES, 1)[0]
    width, rows = read(_TILE_WIDTH, file.width)[0], read(_TILE_LENGTH, min(file.height, read(_ROWS, file.height)[0]))[0]
    return width * rows * max(sum(bits), samples * bits[0]) // 8
