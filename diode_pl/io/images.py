"""Conversion between image files and tensors."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from diode_pl.io.decoding import read_picture
from diode_pl.io.listing import list_images

log = logging.getLogger(__name__)


def read_image(path: str | Path, resolution: int | None = None) -> Float[Tensor, "3 h w"]:
    """Reads one image as RGB in [0, 1]; see :func:`read_pixels`."""
    return read_pixels(path, resolution)[0].float() / 255


def read_pixels(path: str | Path, resolution: int | None = None) -> tuple[UInt8[Tensor, "3 h w"], tuple[int, int]]:
    """Reads one image as RGB in 0..255, with the original height and width in pixels.

    Args:
        path: of an image file, see :func:`~diode_pl.io.decoding.read_picture`; height and width are those of the
            upright picture.
        resolution: if given, the image is stretched to this height and width in pixels.

    Raises:
        ValueError: if the file is not a readable image.
    """
    picture, pixels = read_with_pixels(path, resolution)
    return pixels, (picture.height, picture.width)


def read_with_pixels(path: str | Path, resolution: int | None = None) -> tuple[Image.Image, UInt8[Tensor, "3 h w"]]:
    """Reads one image as an RGB Pillow picture of its original size, and as :func:`read_pixels` gives it.

    Raises:
        ValueError: if the file is not a readable image.
    """
    picture = read_picture(path)
    try:
        return picture, to_pixels(picture, resolution)
    except MemoryError as error:
        size = f"{picture.width} x {picture.height}"
        raise ValueError(f"{path} is not a readable image: memory does not suffice for {size} pixels") from error


def to_pixels(picture: Image.Image, resolution: int | None = None) -> UInt8[Tensor, "3 h w"]:
    """An RGB picture as a tensor in 0..255; stretched to ``resolution`` x ``resolution`` pixels if given."""
    if resolution is not None:
        picture = picture.resize((resolution, resolution), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def read_folder(folder: str | Path, resolution: int) -> Float[Tensor, "n 3 h w"]:
    """The readable images of a folder, sorted by name; see :func:`read_images`.

    Raises:
        ValueError: if the folder contains no readable image.
    """
    return read_images(list_images(folder), resolution)


def read_images(paths: Sequence[Path], resolution: int) -> Float[Tensor, "n 3 h w"]:
    """Reads images, each stretched to ``resolution`` x ``resolution`` pixels; bad ones are skipped, named and counted.

    Raises:
        ValueError: if none is readable.
    """
    images, bad = list[Tensor](), list[str]()
    for path in paths:
        try:
            images.append(read_image(path, resolution))
        except ValueError as error:
            bad.append(str(error))
            log.warning("skipped %s (%d so far)", error, len(bad))
    if not images:
        raise ValueError(
            f"none of the {len(paths)} images can be read; the first: {bad[0] if bad else 'there is none'}"
        )
    return torch.stack(images)


def resize(images: Float[Tensor, "n 3 h w"], resolution: int) -> Float[Tensor, "n 3 side side"]:
    """Scales images to squares, in float: nothing is rounded to 8 bits."""
    if images.shape[-2:] == (resolution, resolution):
        return images
    return F.interpolate(images, (resolution, resolution), mode="bilinear", align_corners=False).clamp(0, 1)


def to_uint8(images: Float[Tensor, "... 3 h w"]) -> Tensor:
    """Rounds [0, 1] to 0..255, values outside clipped."""
    return (images.detach().clamp(0, 1) * 255).round().to(torch.uint8)


def to_pillow(image: Float[Tensor, "3 h w"]) -> Image.Image:
    """One RGB image in [0, 1] as a Pillow picture."""
    return Image.fromarray(to_uint8(image).permute(1, 2, 0).cpu().numpy())


def encode_jpeg(picture: Image.Image, quality: int, optimize: bool = False) -> bytes:
    """A picture as a JPEG file; ``optimize`` takes longer and makes it smaller, without another change."""
    file = io.BytesIO()
    picture.save(file, format="jpeg", quality=quality, optimize=optimize)
    return file.getvalue()


def make_grid(pictures: Sequence[Image.Image], columns: int, gap: int = 4) -> Image.Image:
    """Pictures of one size side by side, row by row, on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (gap + i % columns * (width + gap), gap + i // columns * (height + gap)))
    return sheet
