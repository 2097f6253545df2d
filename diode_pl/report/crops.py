"""What a classifier takes crops for, beside the truth."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from diode_pl.io.images import grid, to_pillow

_CELL, _COLUMNS = 112, 8  # pixels across a crop: enough to see what it shows, and to read a name below it
_FRAME, _LINE = 4, 17  # pixels
_RIGHT, _WRONG = "#e8e8e8", "#d55e00"


def crop_sheet(
    crops: Float[Tensor, "n 3 h w"], truth: Int[Tensor, " n"], found: Int[Tensor, " n"], class_names: Sequence[str]
) -> Image.Image:
    """Draws crops side by side, each with its name below; wrong ones are framed, and say what they were taken for.

    Args:
        crops: RGB in [0, 1].
        truth: the label of each.
        found: the label that the classifier gives it.
        class_names: by label.

    Raises:
        ValueError: there is no crop.
    """
    if not len(crops):
        raise ValueError("expected crops to draw, got none")
    labels = zip(truth.tolist(), found.tolist(), strict=True)
    cells = [_cell(crop, class_names[own], class_names[said]) for crop, (own, said) in zip(crops, labels, strict=True)]
    return grid(cells, min(_COLUMNS, len(cells)))


def _cell(crop: Tensor, name: str, said: str) -> Image.Image:
    side, color = _CELL + 2 * _FRAME, _RIGHT if said == name else _WRONG
    cell, font = Image.new("RGB", (side, side + 2 * _LINE), "white"), ImageFont.load_default(12)
    draw = ImageDraw.Draw(cell)
    draw.rectangle((0, 0, side - 1, side - 1), fill=color)
    cell.paste(to_pillow(crop).resize((_CELL, _CELL), Image.Resampling.BICUBIC), (_FRAME, _FRAME))
    draw.text((_FRAME, side + 1), name, fill="black", font=font)
    if said != name:
        draw.text((_FRAME, side + _LINE), f"taken for {said}", fill=_WRONG, font=font)
    return cell
