r"""How large each loss's gradient with respect to the pixels is while images take shape.

python synthesize.py +experiment=tables/transfer/yolo loss_weighting.steps=60 \
    loss_weighting._target_=benchmarks.gradient_norms.LoggedGradientShares
"""

from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean

from torch import Tensor

from benchmarks.jobs import print_table
from diode_pl.synthesis.loss_weighting import GradientShares

_FIRST_STEPS = (0, 5, 10, 20, 30, 40)


class LoggedGradientShares(GradientShares):
    """Measures as its parent does, and prints the mean norms of some windows of steps once it is done."""

    def factors(self, terms: Mapping[str, Tensor], pixels: Tensor) -> dict[str, float]:
        """As the parent's."""
        factors = super().factors(terms, pixels)
        if self._step == self.steps:
            print_table([["steps", *self._norms], *(self._row(first, last) for first, last in pairwise(self._edges()))])
        return factors

    def _edges(self) -> list[int]:
        return [*(first for first in _FIRST_STEPS if first < self.steps), self.steps]

    def _row(self, first: int, last: int) -> list[str]:
        windows = (norms[first:last] for norms in self._norms.values())
        return [f"{first} to {last}", *(f"{fmean(norms):.3g}" if norms else "–" for norms in windows)]
