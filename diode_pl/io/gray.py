"""Gray pictures of more than 8 bits."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

# Numbers of the TIFF tags.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # kinds of samples; the first one is the default
_OVERSHOOT = 0.1  # of the maximum: what resampling adds at edges
_WHITE_8, _WHITE_16 = 255.0, 65535.0
_BAND = 2**20  # pixels that are converted at a time


def to_8_bits(picture: Image.Image) -> Image.Image:
    """Gray of 12 to 64 bits as gray of 8 bits, scaled by its range; any other picture as it is.

    The range is that of the bits if there are up to 16 and no number is negative. Floats are from 0 to 1 if they fit
    into that (what exceeds it by a tenth is clipped), or from 0 to 255 or 65,535 if they are whole numbers that fit
    into that. Any other range is the picture's own, from its minimum to its maximum. NaN counts as the minimum, which
    is black unless a TIFF file says that it is white.

    Args:
        picture: loaded.

    Example:
        >>> [to_8_bits(Image.new("F", (1, 1), level)).getpixel((0, 0)) for level in (0.2, 51.0, 13107.0)]
        [51, 51, 51]
    """
    if not picture.mode.startswith(("I", "F")):
        return picture
    kind, rows = _Kind.of(picture), max(1, _BAND // max(1, picture.width))
    bands = [(0, top, picture.width, min(top + rows, picture.height)) for top in range(0, max(1, picture.height), rows)]
    low, high = _find_range(picture, kind, bands)
    scaled = Image.new("L", picture.size)
    for band in bands:  # a picture may be large
        levels = kind.to_numbers(picture.crop(band))
        if kind.is_float:
            levels = np.nan_to_num(levels, nan=low, posinf=high, neginf=low)
        white = (levels.astype(np.float64) - low) * (_WHITE_8 / (high - low))
        if _tag(picture, _PHOTOMETRIC, 1) == 0:  # Pillow inverts those of up to 8 bits alone
            white = _WHITE_8 - white
        scaled.paste(Image.fromarray(np.clip(np.rint(white), 0, _WHITE_8).astype(np.uint8)), band)
    return scaled


class _Kind(NamedTuple):
    """What the numbers of a picture are."""

    mode: str  # of Pillow, which has fewer than there are kinds
    bits: int
    sample_format: int

    @classmethod
    def of(cls, picture: Image.Image) -> "_Kind":
        bits, sample_format = _tag(picture, _BITS_PER_SAMPLE, 16), _tag(picture, _SAMPLE_FORMAT, _UNSIGNED)
        return cls(picture.mode, bits, sample_format)

    @property
    def is_float(self) -> bool:
        return self.mode == "F" or (self.mode.startswith("I;16") and self.sample_format == _FLOAT)

    @property
    def white(self) -> float | None:
        """Largest number of integers of up to 16 bits."""
        if self.mode.startswith("I;16") and not self.is_float:
            return 2.0 ** min(16, self.bits) - 1  # TIFF has 12, which Pillow does not scale up
        return _WHITE_16 // 2 if (self.mode, self.bits, self.sample_format) == ("I", 16, _SIGNED) else None

    def to_numbers(self, picture: Image.Image) -> np.ndarray:
        levels = np.asarray(picture)
        if self.mode == "I" and self.bits == 32 and self.sample_format == _UNSIGNED:
            return levels.view(np.uint32)  # Pillow has no mode for them and takes the first bit for a sign
        if self.mode != "F" and self.is_float:
            return levels.view(levels.dtype.str.replace("u", "f")).astype(np.float32)
        return levels


def _find_range(picture: Image.Image, kind: _Kind, bands: Sequence[tuple[int, int, int, int]]) -> tuple[float, float]:
    """The values that are black and white."""
    if kind.mode.startswith("I;16") and kind.white is not None:
        return 0.0, kind.white
    low, high, whole = math.inf, -math.inf, True
    for band in bands:
        levels = kind.to_numbers(picture.crop(band))
        known = levels[np.isfinite(levels)] if kind.is_float else levels
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
            whole = whole and not (kind.is_float and np.mod(known, 1).any())
    if low > high:  # no number at all
        low = high = 0.0
    if not kind.is_float:
        likely = [kind.white or _WHITE_16]  # 16 bits as well, of formats that Pillow has no narrower mode for
    elif low >= -_OVERSHOOT * high and high <= 1 + _OVERSHOOT:
        return 0.0, 1.0
    else:
        likely = [_WHITE_8, _WHITE_16] if whole else []
    fitting = [white for white in likely if low >= 0 and high <= white]
    return (0.0, fitting[0]) if fitting else (low, high if high > low else low + 1)


def _tag(picture: Image.Image, number: int, default: int) -> int:
    """A number of a TIFF file."""
    tags: Any = getattr(picture, "tag_v2", {})
    found = tags.get(number, default)
    return int(found[0] if isinstance(found, tuple) else found)
