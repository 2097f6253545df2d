"""Gray pictures of more than 8 bits."""

from typing import Any

import numpy as np
from PIL import Image

# Numbers of the TIFF tags.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_UNSIGNED = 1  # and the default
_OVERSHOOT = 0.1  # of the maximum: what resampling adds at edges
_WHITE_8, _WHITE_16 = 255.0, 65535.0


def to_8_bits(picture: Image.Image) -> Image.Image:
    """Gray of 16 or 32 bits as gray of 8 bits, scaled by its range; any other picture as it is.

    The range is that of the bits if there are up to 16. Floats are from 0 to 1 if they fit into that (what exceeds it
    by a tenth is clipped), or from 0 to 255 or 65,535 if they are whole numbers that fit into that. Any other range is
    the picture's own, from its minimum to its maximum. NaN counts as the minimum, which is black unless a
    TIFF file says that it is white.

    Args:
        picture: loaded.

    Example:
        >>> [to_8_bits(Image.new("F", (1, 1), level)).getpixel((0, 0)) for level in (0.2, 51.0, 13107.0)]
        [51, 51, 51]
    """
    if not picture.mode.startswith(("I", "F")):
        return picture
    levels = np.asarray(picture)
    bits, sample_format = _tag(picture, _BITS_PER_SAMPLE, 16), _tag(picture, _SAMPLE_FORMAT, _UNSIGNED)
    if picture.mode == "I" and bits == 32 and sample_format == _UNSIGNED:
        levels = levels.view(np.uint32)  # Pillow has no mode for them and takes the first bit for a sign
    low, high = _find_range(levels, picture)
    if picture.mode == "F":
        levels = np.nan_to_num(levels, nan=low, posinf=high, neginf=low)
    scaled = levels.astype(np.float64 if picture.mode == "I" else np.float32)  # float32 lacks digits for 32 bits
    # In place: a picture may be large.
    np.subtract(scaled, low, out=scaled)
    np.multiply(scaled, _WHITE_8 / (high - low), out=scaled)
    if _tag(picture, _PHOTOMETRIC, 1) == 0:  # Pillow inverts those of up to 8 bits alone
        np.subtract(_WHITE_8, scaled, out=scaled)
    np.clip(np.rint(scaled, out=scaled), 0, _WHITE_8, out=scaled)
    return Image.fromarray(scaled.astype(np.uint8))


def _find_range(levels: np.ndarray, picture: Image.Image) -> tuple[float, float]:
    """The values that are black and white."""
    if picture.mode.startswith("I;16"):
        # TIFF has 12, which Pillow does not scale up.
        return 0.0, 2.0 ** min(16, _tag(picture, _BITS_PER_SAMPLE, 16)) - 1
    known, whole = (levels, True) if picture.mode == "I" else (levels[np.isfinite(levels)], False)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if whole:
        likely = [_WHITE_16]  # 16 bits as well, of formats that Pillow has no narrower mode for
    elif low >= -_OVERSHOOT * high and high <= 1 + _OVERSHOOT:
        return 0.0, 1.0
    else:
        likely = [] if np.mod(known, 1).any() else [_WHITE_8, _WHITE_16]
    fitting = [white for white in likely if low >= 0 and high <= white]
    return (0.0, fitting[0]) if fitting else (low, high if high > low else low + 1)


def _tag(picture: Image.Image, number: int, default: int) -> int:
    """A number of a TIFF file."""
    tags: Any = getattr(picture, "tag_v2", {})
    found = tags.get(number, default)
    return int(found[0] if isinstance(found, tuple) else found)
