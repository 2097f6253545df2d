"""Random numbers that are the same on every machine."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

Number = int | float  # the checks of the tests take no whole number for a float

_T = TypeVar("_T")
_BLOCK = 128  # numbers drawn at once: one at a time costs a call each


class PortableRandom:
    """A stream of random numbers that its key alone determines.

    Only the raw words of the bit generator are used, whose stream numpy promises to keep; what is made from them is
    exact arithmetic. numpy's own distributions may change with its version, and some differ by platform.

    Args:
        seed: not negative.
        key: which of the seed's streams; streams with different keys have nothing in common.
    """

    def __init__(self, seed: int, *key: int) -> None:
        self._seed, self._key = seed, key
        self._source = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
        self._drawn: list[int] = []

    def child(self, number: int) -> "PortableRandom":
        """Another stream, which does not depend on how much of this one is used."""
        return PortableRandom(self._seed, *self._key, number)

    def unit(self) -> float:
        """A number in [0, 1)."""
        if not self._drawn:
            self._drawn = self._source.random_raw(_BLOCK).tolist()
        return (self._drawn.pop() >> 11) * 2.0**-53

    def uniform(self, low: Number, high: Number) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.unit()

    def below(self, count: int) -> int:
        """A whole number in [0, count)."""
        return int(self.unit() * count)

    def chance(self, probability: Number) -> bool:
        """True with the given probability."""
        return self.unit() < probability

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of several, each as likely."""
        return choices[self.below(len(choices))]

    def weighted(self, weights: Sequence[Number]) -> int:
        """A position, as likely as its weight; the weights sum to 1."""
        rest = self.unit()
        for i, weight in enumerate(weights):
            rest -= weight
            if rest < 0:
                return i
        return len(weights) - 1

    def bytes(self, height: int, width: int) -> UInt8[np.ndarray, "{height} {width}"]:
        """Whole numbers from 0 to 255, each as likely."""
        words = self._source.random_raw(-(-height * width // 8)).astype("<u8")
        return words.view(np.uint8)[: height * width].reshape(height, width)
