"""Random numbers that are the same on every machine."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

Number = int | float  # the type checks of the tests distinguish the two
_T = TypeVar("_T")
_BLOCK = 128  # numbers per call of numpy


class PortableRandom:
    """A stream of random numbers determined by its seed, >= 0, and ``key``, one of the seed's independent streams.

    It uses the raw words of the bit generator, whose stream numpy promises to keep, and exact arithmetic. numpy's
    distributions may change with its version, and some differ by platform.
    """

    def __init__(self, seed: int, *key: int) -> None:
        self._seed, self._key = seed, key
        self._source = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
        self._drawn: list[int] = []

    def child(self, number: int) -> "PortableRandom":
        """Another stream, independent of the position in this one."""
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
        """An integer in [0, count)."""
        return int(self.unit() * count)

    def chance(self, probability: Number) -> bool:
        """True with the given probability."""
        return self.unit() < probability

    def pick(self, choices: Sequence[_T]) -> _T:
        """Picks one with equal probabilities."""
        return choices[self.below(len(choices))]

    def weighted(self, weights: Sequence[Number]) -> int:
        """An index drawn by weight; weights sum to 1."""
        rest = self.unit()
        for i, weight in enumerate(weights):
            rest -= weight
            if rest < 0:
                return i
        return len(weights) - 1

    def bytes(self, height: int, width: int) -> UInt8[np.ndarray, "{height} {width}"]:
        """Uniform integers from 0 to 255."""
        words = self._source.random_raw(-(-height * width // 8)).astype("<u8")
        return words.view(np.uint8)[: height * width].reshape(height, width)
