"""What a network says of its queries, and the feature maps that they look at."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Queries(NamedTuple):
    """Predictions of every layer of the decoder, first to last.

    Args:
        layers: each a row per query: class logits, then box: center x and y, width and height in units of the image.
        proposals: the same of the encoder's candidates that the queries begin from; empty for a network without.
        corners: of D-FINE, for each layer logits of the distances of the sides, then the box they are measured from.
    """

    layers: tuple[Float[Tensor, "n q d"], ...]
    proposals: tuple[Float[Tensor, "n q d"], ...] = ()
    corners: tuple[Float[Tensor, "n q e"], ...] = ()

    @property
    def heads(self) -> tuple[Tensor, ...]:
        """All of them as heads of a detector; those of the last layer, the predictions, come last."""
        return (*self.corners, *self.proposals, *self.layers)

    @classmethod
    def from_heads(cls, heads: Sequence[Tensor], family: str) -> "Queries":
        """Splits heads again; ``family`` is that of the network."""
        proposals = int(family not in ("detr", "yolos"))
        # D-FINE's first layer has two boxes: one without distances.
        corners = (len(heads) - 2) // 2 if family == "d_fine" else 0
        at = corners + proposals
        return cls(tuple(heads[at:]), tuple(heads[corners:at]), tuple(heads[:corners]))


def run_network(network: Any, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Queries, tuple[Tensor, ...]]:
    """Runs a network without denoising queries, and keeps what each layer of its decoder predicts.

    Args:
        network: of one of ``FAMILIES``.
        pixels: normalized.

    Returns:
        Queries and feature maps, finest first.
    """
    family = network.config.model_type
    if family == "yolos":
        return _run_yolos(network, pixels)
    if family == "detr":
        return _run_detr(network, pixels)
    with _all_layers(network.model.decoder):
        found = network(pixels)
    layers = zip(found.intermediate_logits.unbind(1), found.intermediate_reference_points.unbind(1), strict=True)
    proposals = torch.cat([found.enc_topk_logits, found.enc_topk_bboxes], dim=2)
    corners: tuple[Tensor, ...] = ()
    if family == "d_fine":
        sides = found.intermediate_predicted_corners.unbind(1), found.initial_reference_points.unbind(1)
        corners = tuple(torch.cat(pair, dim=2) for pair in zip(*sides, strict=True))
    queries = Queries(tuple(torch.cat(layer, dim=2) for layer in layers), (proposals,), corners)
    return queries, tuple(found.encoder_last_hidden_state)


def _run_detr(network: Any, pixels: Tensor) -> tuple[Queries, tuple[Tensor, ...]]:
    decoder, hidden = network.model.decoder, list[Tensor]()
    # config.auxiliary_loss would keep them, but the package then normalizes between layers, too: other predictions.
    handles = [layer.register_forward_hook(lambda *call: hidden.append(call[2])) for layer in decoder.layers]
    try:
        found = network.model(pixels)
    finally:
        for handle in handles:
            handle.remove()
    states = [*(decoder.layernorm(each) for each in hidden[:-1]), found.last_hidden_state]
    rows = [torch.cat([network.class_labels_classifier(s), network.bbox_predictor(s).sigmoid()], dim=2) for s in states]
    return Queries(tuple(rows)), (_to_map(found.encoder_last_hidden_state, pixels),)


def _run_yolos(network: Any, pixels: Tensor) -> tuple[Queries, tuple[Tensor, ...]]:
    found = network(pixels)
    # The first token stands for the image.
    patches = found.last_hidden_state[:, 1 : -network.config.num_detection_tokens]
    return Queries((torch.cat([found.logits, found.pred_boxes], dim=2),)), (_to_map(patches, pixels),)


def _to_map(tokens: Float[Tensor, "n t c"], pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
    """Tokens of the cells of an image, row by row, as a feature map; cells are square."""
    height, width = pixels.shape[2:]
    rows = round((tokens.shape[1] * height / width) ** 0.5)
    return tokens.transpose(1, 2).unflatten(2, (rows, tokens.shape[1] // rows))


@contextmanager
def _all_layers(decoder: nn.Module) -> Iterator[None]:
    """Context in which D-FINE's decoder predicts after every layer, as in training, and changes nothing else."""
    before, last = decoder.training, len(getattr(decoder, "layers", ())) - 1
    if getattr(decoder, "eval_idx", None) == last:
        decoder.training = True
    try:
        yield
    finally:
        decoder.training = before
