"""The loss is the package's own."""

from pathlib import Path

import pytest
import torch

from diode_pl.detector.huggingface.criterion import match_queries, run_criterion, to_labels
from diode_pl.detector.huggingface.queries import run_network
from tests.detector.detectors import some_targets
from tests.detector.huggingface.small_networks import TINY, write_folder

COLUMNS = torch.arange(3)


@pytest.mark.parametrize("family", TINY)
def test_terms_add_up_to_the_packages_loss(family: str, tmp_path: Path) -> None:
    more = {"auxiliary_loss": True} if family == "detr" else {}
    network, pixels = write_folder(tmp_path, family, num_denoising=0, **more), torch.rand(2, 3, 64, 64)
    labels, _ = to_labels(some_targets(), COLUMNS, torch.float32)
    for module in (network, *([network.model.decoder] if family == "d_fine" else [])):
        module.training = family == "d_fine"  # it predicts after all layers in training only
    own = network(pixels, labels=labels).loss
    network.eval()
    found = run_criterion(network, run_network(network, pixels)[0], some_targets(), COLUMNS)
    torch.testing.assert_close(sum(found.values()), own)
    assert found.keys() == {"class", "box", "overlap"} | ({"corners"} if family == "d_fine" else set())


def test_gaps_and_the_order_of_classes() -> None:
    labels, positions = to_labels(some_targets(), torch.tensor([1, 13]), torch.float64)
    assert [each["class_labels"].tolist() for each in labels] == [[13], [1, 13]]
    assert [each.tolist() for each in positions] == [[0], [2, 3]] and labels[0]["boxes"].dtype == torch.float64
    torch.testing.assert_close(labels[0]["boxes"], torch.tensor([[0.35, 0.325, 0.5, 0.45]], dtype=torch.float64))


@pytest.mark.parametrize("family", ["rt_detr", "detr"])
def test_each_target_has_the_query_that_suits_it_best(family: str, tmp_path: Path) -> None:
    network = write_folder(tmp_path, family)
    queries, _ = run_network(network, torch.rand(2, 3, 64, 64))
    rows = queries.layers[-1].detach()
    for query, image, target, label in ((5, 0, 0, 1), (7, 1, 2, 0), (2, 1, 3, 1)):
        rows[image, query, :-4] = -9
        rows[image, query, label] = 9
        corners = some_targets().boxes[target]
        rows[image, query, -4:] = torch.cat([(corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]])
    image, query, target = match_queries(network, queries._replace(layers=(rows,)), some_targets(), COLUMNS)
    assert sorted(zip(image.tolist(), query.tolist(), target.tolist(), strict=True)) == [
        (0, 5, 0),
        (1, 2, 3),
        (1, 7, 2),
    ]
