"""Boxes and their captions on pictures.

Not ``torchvision.utils.draw_bounding_boxes``: it puts captions inside their boxes, over what small ones show, and lets
them run out of the picture.
"""

import colorsys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


def draw_boxes(
    picture: Image.Image, boxes: Sequence[Sequence[float | int]], labels: Sequence[int], captions: Sequence[str]
) -> None:
    """Draws boxes, each in the color of its class and with its caption, into an RGB picture.

    Args:
        picture: is written over.
        boxes: x1, y1, x2, y2 in pixels of the picture; may reach outside it.
        labels: class indices; they choose the colors.
        captions: one a box.
    """
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    things = list(zip(boxes, labels, captions, strict=True))
    # Large boxes first: what is small, and its caption, stays on top.
    things.sort(key=lambda thing: (thing[0][0] - thing[0][2]) * (thing[0][3] - thing[0][1]))
    for (left, top, right, bottom), label, caption in things:
        color = _color(label)
        right, bottom = max(left, right - 1), max(top, bottom - 1)
        draw.rectangle((left, top, right, bottom), outline=color, width=2)
        text = draw.textbbox((0, 0), caption, font=font)
        # Above the box where there is room, inside it where there is not, and never out of the picture.
        x = max(0, min(left, picture.width - text[2] - 4))
        y = top - text[3] - 4 if top > text[3] + 4 else max(0, top)
        draw.rectangle((x, y, x + text[2] + 4, y + text[3] + 4), fill=color)
        draw.text((x + 2, y + 1), caption, fill="black", font=font)


def _color(label: int) -> tuple[int, int, int]:
    """Hues a golden angle apart: neighboring labels look unlike."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.6, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
