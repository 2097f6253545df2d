"""Which norm layers of teacher and student are compared."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from torch import Tensor

from diode_pl.detector import Detector, record_inputs
from diode_pl.distillation.losses.compatibility import probe


class NormLayer(NamedTuple):
    """A norm layer in the order of :meth:`Detector.norm_layers`.

    Args:
        name: of the module.
        kind: of the module's class.
        shapes: (c, h, w) of its input in each call.
        tracked: whether it has a running variance.
    """

    name: str
    kind: str
    shapes: list[tuple[int, ...]]
    tracked: bool

    def __str__(self) -> str:
        return f"{self.name} of {' and '.join(map(str, self.shapes))}"

    @property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Height and width of each input."""
        return tuple(shape[1:] for shape in self.shapes)


def list_norm_layers(detector: Detector, resolution: int) -> list[NormLayer]:
    """Returns the norm layers that one black image of ``resolution`` pixels passes, without changing the detector."""
    layers, names = detector.norm_layers(), {module: name for name, module in detector.named_modules()}
    with record_inputs(layers, lambda features: tuple(features.shape[1:])) as shapes:
        probe(detector, resolution)
    return [
        NormLayer(names[layer], type(layer).__name__, calls, isinstance(getattr(layer, "running_var", None), Tensor))
        for layer, calls in zip(layers, shapes, strict=True)
    ]


def find_unlike_norm_layer(teacher: Sequence[NormLayer], student: Sequence[NormLayer]) -> str | None:
    """Describes the first norm layer whose input differs in shape; None if all agree.

    Norm layers of the teacher without running statistics are described, too.
    """
    if not teacher:
        return "the teacher has no norm layers"
    for number, (one, other) in enumerate(zip_longest(teacher, student)):
        if one is None or other is None or one.shapes != other.shapes:
            pair = [str(each or "missing") for each in (one, other)]
            return f"norm layer {number} (from 0) is {pair[0]} in the teacher and {pair[1]} in the student"
    untracked = [layer.kind for layer in teacher if not layer.tracked]
    return f"a {untracked[0]} of the teacher has no running statistics" if untracked else None


def pair_norm_layers(teacher: Sequence[NormLayer], student: Sequence[NormLayer]) -> list[tuple[int, int]]:
    """Returns indices of norm layers of teacher and student whose inputs have the same height and width.

    Among those of one size, each of the student's is paired with the teacher's at the same share of the way, the last
    with the last. Sizes that only one of them has are left out, and layers of the teacher without running statistics.
    """
    pairs = []
    for size in dict.fromkeys(layer.sizes for layer in student):
        theirs = [i for i, layer in enumerate(teacher) if layer.sizes == size and layer.tracked]
        own = [i for i, layer in enumerate(student) if layer.sizes == size]
        if theirs:
            pairs += [(theirs[-(-(n + 1) * len(theirs) // len(own)) - 1], i) for n, i in enumerate(own)]
    return pairs
