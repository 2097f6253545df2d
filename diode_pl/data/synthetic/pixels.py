"""What the pixels of finished images tell about them."""

from typing import Any

from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

_ACROSS, _DOWN = 9, 8  # cells whose neighbors are compared: 64 bits


def describe_pixels(images: UInt8[Tensor, "n 3 h w"]) -> dict[str, Any]:
    """Facts of each image, as plain data for the record of a batch.

    Returns:
        ``saturation``: share of the color values that are 0 or 255. ``hashes``: 64 bits in hexadecimal digits, which
        say of 8 x 9 cells whether each is darker than its neighbor to the right; images that look alike differ in few.

    Example:
        >>> import torch
        >>> describe_pixels(torch.arange(9, dtype=torch.uint8).expand(1, 3, 8, 9) + 7)
        {'saturation': [0.0], 'hashes': ['ffffffffffffffff']}
    """
    ends = ((images == 0) | (images == 255)).flatten(1).float().mean(dim=1)
    cells = functional.adaptive_avg_pool2d(images.float().mean(dim=1), (_DOWN, _ACROSS))
    bits = (cells[..., :-1] < cells[..., 1:]).flatten(1).tolist()
    words = [f"{int(''.join(str(int(bit)) for bit in each), 2):016x}" for each in bits]
    return {"saturation": [round(share, 4) for share in ends.tolist()], "hashes": words}
