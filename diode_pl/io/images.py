"""Conversion between image files and tensors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})


def read_image(path: str | Path, resolution: int | None = None) -> Float[Tensor, "3 h w"]:
    """Reads one image as RGB in [0, 1]; see :func:`read_pixels`."""
    return read_pixels(path, resolution)[0].float() / 255


def read_pixels(path: str | Path, resolution: int | None = None) -> tuple[UInt8[Tensor, "3 h w"], tuple[int, int]]:
    """Reads one image as RGB in 0..255, with the original height and width in pixels.

    Args:
        path: any format that Pillow reads.
        resolution: if given, the image is stretched to this height and width in pixels.

    Raises:
        ValueError: if the file is not a readable image.
    """
    picture = read_picture(path)
    return to_pixels(picture, resolution), (picture.height, picture.width)


def read_picture(path: str | Path) -> Image.Image:
    """Reads one image as an RGB Pillow picture.

    Raises:
        ValueError: if the file is not a readable image.
    """
    try:
        with Image.open(path) as file:
            return file.convert("RGB")
    # Pillow's exceptions for broken files have no common base class.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not a readable image: {error}") from error


def to_pixels(picture: Image.Image, resolution: int | None = None) -> UInt8[Tensor, "3 h w"]:
    """An RGB picture as a tensor in 0..255; stretched to ``resolution`` x ``resolution`` pixels if given."""
    if resolution is not None:
        picture = picture.resize((resolution, resolution), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def list_images(folder: str | Path, recursive: bool = False) -> list[Path]:
    """Image files of a folder and, if ``recursive``, of its subfolders, sorted by path.

    Raises:
        ValueError: if the folder does not exist or contains no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder.resolve()} is not a folder")
    paths = sorted(p for p in folder.glob("**/*" if recursive else "*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder.resolve()} contains no image file ({', '.join(sorted(SUFFIXES))})")
    return paths


def read_folder(folder: str | Path, resolution: int) -> Float[Tensor, "n 3 h w"]:
    """Reads the images of a folder, sorted by name, each stretched to ``resolution`` x ``resolution`` pixels.

    Raises:
        ValueError: if the folder contains no image.
    """
    return torch.stack([read_image(path, resolution) for path in list_images(folder)])


def to_uint8(images: Float[Tensor, "... 3 h w"]) -> Tensor:
    """Rounds [0, 1] to 0..255, values outside clipped."""
    return (images.detach().clamp(0, 1) * 255).round().to(torch.uint8)


def to_pillow(image: Float[Tensor, "3 h w"]) -> Image.Image:
    """One RGB image in [0, 1] as a Pillow picture."""
    return Image.fromarray(to_uint8(image).permute(1, 2, 0).cpu().numpy())


def make_grid(pictures: Sequence[Image.Image], columns: int, gap: int = 4) -> Image.Image:
    """Pictures of one size side by side, row by row, on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (gap + i % columns * (width + gap), gap + i // columns * (height + gap)))
    return sheet
