"""Weights of a narrower network, cut out of a wider one of the same layers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.darknet.layers import Convolution, Route, ScaleChannels, Shortcut

_IMAGE = -1  # number of the input


@torch.no_grad()
def cut_out(narrow: nn.ModuleList, wide: nn.ModuleList, sources: Sequence[tuple[int, ...]]) -> None:
    """Copies, of each layer, the channels whose batch norm has the largest weights.

    Layers whose channels are added up or multiplied, and depthwise convolutions, keep the same channels, by the sum of
    their weights. A convolution without batch norm counts by the mean size of each filter; a head keeps all.

    Args:
        narrow: its weights are replaced.
        wide: the same layers with at least as many channels each.
        sources: numbers of the inputs of each layer of both; -1 is the image.

    Raises:
        ConfigError: if a layer of ``narrow`` is another one, or has more channels.

    Source: channels by the weight of their batch norm: Liu et al., Network slimming, ICCV 2017.
    """
    channels = _Channels()
    for i, (own, other) in enumerate(zip(narrow, wide, strict=True)):
        if type(own) is not type(other) or (isinstance(own, Convolution) and not _alike(own, other)):
            raise ConfigError(f"inherit: layer {i} of the student is not that of the teacher, but for its channels")
        channels.add(i, own, other, sources[i])
    for i, (own, other) in enumerate(zip(narrow, wide, strict=True)):
        if not isinstance(own, Convolution):
            continue
        outputs, inputs, values = channels.kept(i), channels.kept(sources[i][0]), other.state_dict()
        for name, target in own.state_dict().items():
            value = values[name]
            if value.dim():
                value = value[outputs]
            target.copy_(value[:, inputs] if name == "conv.weight" and own.conv.groups == 1 else value)


def _alike(own: Convolution, other: nn.Module) -> bool:
    assert isinstance(other, Convolution)
    depthwise = [each.conv.groups == each.conv.in_channels == each.conv.out_channels for each in (own, other)]
    plain = own.conv.groups == other.conv.groups == 1
    same = [(each.conv.kernel_size, each.conv.stride, each.norm is None, each.activation) for each in (own, other)]
    return same[0] == same[1] and (plain or all(depthwise))


class _Channels:
    """Which channels of the wide network each layer keeps.

    The channels of a map are a list of sets; sets that must keep the same channels are joined.
    """

    def __init__(self) -> None:
        self._of_layer: dict[int, list[int]] = {_IMAGE: [0]}
        self._joined = [0]  # set -> one that it was joined with, or itself
        self._wide, self._narrow = [3], [3]
        self._scores: list[Tensor | None] = [None]

    def add(self, i: int, own: nn.Module, other: nn.Module, sources: Sequence[int]) -> None:
        """Adds layer ``i`` of both networks."""
        inputs = [self._of_layer[source] for source in sources]
        if isinstance(other, Convolution):
            assert isinstance(own, Convolution)
            if other.conv.groups == 1:
                inputs = [[self._new(i, own.conv.out_channels, other.conv.out_channels)]]
            self._score(inputs[0], other)
        elif isinstance(other, Route):
            if other.groups > 1:
                raise ConfigError(f"inherit: layer {i} takes a part of the channels of another, which is not supported")
            inputs = [[each for sets in inputs for each in sets]]
        elif isinstance(other, Shortcut | ScaleChannels):
            for sets in inputs[1:]:
                self._join(i, inputs[0], sets)
        self._of_layer[i] = inputs[0]

    def kept(self, i: int) -> Tensor:
        """Numbers of the channels of layer ``i`` that are kept, in ascending order within each set."""
        parts, start = [], 0
        for each in map(self._root, self._of_layer[i]):
            scores, wide, narrow = self._scores[each], self._wide[each], self._narrow[each]
            chosen = torch.arange(wide) if scores is None else scores.topk(narrow).indices.sort().values.cpu()
            parts.append(chosen + start)
            start += wide
        return torch.cat(parts)

    def _new(self, i: int, narrow: int, wide: int) -> int:
        if narrow > wide:
            raise ConfigError(f"inherit: layer {i} has {narrow} channels in the student and {wide} in the teacher")
        self._joined.append(len(self._joined))
        self._wide.append(wide)
        self._narrow.append(narrow)
        self._scores.append(torch.zeros(wide))
        return len(self._joined) - 1

    def _score(self, sets: Sequence[int], layer: Convolution) -> None:
        by_filter = layer.conv.weight.abs().flatten(1).mean(dim=1)
        sizes = by_filter if layer.norm is None else layer.norm.weight.abs()
        roots = [self._root(each) for each in sets]
        for root, part in zip(roots, sizes.cpu().split([self._wide[root] for root in roots]), strict=True):
            scores = self._scores[root]
            if scores is not None:  # those of the image are all kept
                scores += part

    def _root(self, each: int) -> int:
        while self._joined[each] != each:
            each = self._joined[each]
        return each

    def _join(self, i: int, first: Sequence[int], second: Sequence[int]) -> None:
        pairs = [(self._root(a), self._root(b)) for a, b in zip(first, second, strict=False)]
        sizes = [[(self._wide[each], self._narrow[each]) for each in map(self._root, sets)] for sets in (first, second)]
        if sizes[0] != sizes[1]:
            raise ConfigError(f"inherit: layer {i} combines maps that were joined in different ways")
        for a, b in pairs:
            if a != b:
                scores, others = self._scores[a], self._scores[b]
                assert scores is not None and others is not None
                scores += others
                self._joined[b] = a
