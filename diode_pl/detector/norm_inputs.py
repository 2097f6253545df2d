"""Inputs of norm layers, recorded during a forward pass, and the order of these layers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


@contextmanager
def record_inputs(layers: Sequence[nn.Module], measure: Callable[[Tensor], T]) -> Iterator[list[list[T]]]:
    """Context in which a forward pass records what enters ``layers``; passes outside have no overhead.

    Args:
        layers: layers that the pass calls, such as those of :meth:`Detector.norm_layers`; empty records nothing.
        measure: called with each input as soon as it is there; its result is recorded.

    Yields:
        For each layer one result per call.

    Raises:
        ValueError: on exit, if a layer was not called.

    Example:
        >>> import torch
        >>> layer = nn.BatchNorm2d(3)
        >>> with record_inputs([layer], lambda features: tuple(features.shape)) as shapes:
        ...     _ = layer(torch.zeros(2, 3, 4, 4))
        >>> shapes
        [[(2, 3, 4, 4)]]
    """
    calls: dict[nn.Module, list[T]] = {layer: [] for layer in layers}

    def record(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        calls[layer].append(measure(inputs[0]))

    handles = [layer.register_forward_pre_hook(record) for layer in layers]
    try:
        yield list(calls.values())
    finally:
        for handle in handles:
            handle.remove()
    if missed := [i for i, layer in enumerate(layers) if not calls[layer]]:
        raise ValueError(
            f"norm_layers() must return only layers that forward() calls; layers {missed} (from 0) were not"
        )


@torch.no_grad()
def find_called(network: nn.Module, layers: Iterable[nn.Module], images: Tensor) -> list[nn.Module]:
    """Those of ``layers`` that a forward pass in eval mode calls, each once, in the order of their first calls."""
    called: list[nn.Module] = []
    handles = [layer.register_forward_pre_hook(lambda layer, _: called.append(layer)) for layer in layers]
    training = network.training
    network.eval()(images)
    network.train(training)
    for handle in handles:
        handle.remove()
    return list(dict.fromkeys(called))


def name_called(network: nn.Module, kinds: tuple[type[nn.Module], ...], images: Tensor) -> list[str]:
    """Names of the layers of some kinds that :func:`find_called` finds in a network."""
    names = {layer: name for name, layer in network.named_modules() if isinstance(layer, kinds)}
    return [names[layer] for layer in find_called(network, names, images)]
