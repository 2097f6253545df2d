"""Rows of queries, and what networks say of them."""

from pathlib import Path

import pytest
import torch

from diode_pl.detector.huggingface.network import build_network, prepare_network
from diode_pl.detector.huggingface.queries import Queries, run_network
from tests.detector.huggingface.small_networks import TINY, description, need_package, write_folder

LAYERS = {"rt_detr": (2, 1, 0), "rt_detr_v2": (2, 1, 0), "d_fine": (3, 1, 2), "detr": (2, 0, 0), "yolos": (1, 0, 0)}


@pytest.mark.parametrize("family", TINY)
def test_heads_come_apart_again_and_the_last_are_the_packages_predictions(family: str, tmp_path: Path) -> None:
    network, pixels = write_folder(tmp_path, family), torch.rand(2, 3, 64, 96)
    queries, features = run_network(network, pixels)
    again = Queries.from_heads(queries.heads, family)
    for part, found in zip(queries, again, strict=True):
        assert len(part) == len(found) and all(a is b for a, b in zip(part, found, strict=True))
    assert tuple(map(len, queries)) == LAYERS[family]
    with torch.no_grad():
        own = network(pixels)
    torch.testing.assert_close(queries.heads[-1], torch.cat([own.logits, own.pred_boxes], dim=2))
    assert all(each.shape[0] == 2 and each.shape[3] * 2 == each.shape[2] * 3 for each in features)
    assert not network.training and not any(module.training for module in network.modules())


def test_layers_of_detr_are_those_of_its_own_loss(tmp_path: Path) -> None:
    # Where a network was trained with auxiliary losses, the package computes them itself.
    network, pixels = write_folder(tmp_path, "detr", auxiliary_loss=True), torch.rand(2, 3, 64, 64)
    labels = [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.2]])}] * 2
    own = network(pixels, labels=labels).auxiliary_outputs
    (first, _), _, _ = run_network(network, pixels)[0]
    torch.testing.assert_close(first, torch.cat([own[0]["logits"], own[0]["pred_boxes"]], dim=2))


def test_training_after_a_validation_in_inference_mode() -> None:
    # The package caches positions and anchors, which must not be tensors that a backward pass refuses.
    package = need_package()
    network, pixels = build_network(package, description("rt_detr")), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        run_network(network.eval(), pixels)
    run_network(prepare_network(network).train(), pixels)[0].heads[-1].sum().backward()
