"""The package's loss on our targets."""

from typing import Any

import pytest
import torch

from diode_pl.detector.ultralytics.criterion import run_criterion
from diode_pl.targets import Targets
from tests.detector.detectors import small, some_images, some_targets
from tests.detector.ultralytics.small_networks import need_package

TERMS = ("box", "class", "distance")


@pytest.mark.parametrize("name", ["ultralytics", "ultralytics_26"])
def test_it_is_what_the_package_computes(name: str) -> None:
    detector, images = small(name), some_images()
    # Out of the order of the images, as targets may be.
    targets = some_targets().compact().select(torch.tensor([2, 0, 1]))
    found = run_criterion(detector.network, detector(images), targets, "task_aligned").terms
    network: Any = need_package().network({**detector._description, "nc": 3}, verbose=False)
    network.load_state_dict(detector.network.state_dict(), strict=False)
    network.args = need_package().settings
    size = targets.boxes[:, 2:] - targets.boxes[:, :2]
    boxes = torch.cat([targets.boxes[:, :2] + size / 2, size], dim=1)
    order = targets.image_index.argsort(stable=True)
    given = {"batch_idx": targets.image_index, "cls": targets.labels, "bboxes": boxes}
    given = {key: value[order] for key, value in given.items()} | {"img": images}
    expected = network.eval().loss(given)[0] / len(images)
    for name, value in zip(TERMS, expected, strict=True):
        torch.testing.assert_close(found[name], value)


def test_positives_know_their_targets() -> None:
    detector, targets = small("ultralytics"), some_targets()
    found = run_criterion(detector.network, detector(some_images()), targets, "center")
    assert torch.equal(found.image, targets.image_index[found.target])
    assert found.target.unique().tolist() == [0, 2, 3]
    centers = detector.decode(detector(some_images())).priors.unflatten(1, (2, 2)).mean(dim=1)[found.cell]
    boxes = targets.boxes[found.target]
    assert bool(((boxes[:, :2] < centers) & (centers < boxes[:, 2:])).all())


def test_float64_stays() -> None:
    detector = small("ultralytics").double()
    terms = run_criterion(detector.network, detector(some_images(dtype=torch.float64)), some_targets(), "center").terms
    assert {term.dtype for term in terms.values()} == {torch.float64} and torch.get_default_dtype() == torch.float32


def test_the_first_steps_do_not_depend_on_what_noise_predicts() -> None:
    """Where nothing is seen, task-aligned cells change with every image, and central ones do not."""
    detector = small("ultralytics")
    with torch.no_grad():
        for branch in detector.network.model[-1].cv3:
            branch[-1].weight.mul_(0.01)
            branch[-1].bias.fill_(-5)
    boxes = torch.tensor([[0.1, 0.1, 0.9, 0.9]])
    targets = Targets(boxes, torch.tensor([0]), torch.tensor([0]), 1)
    cells: dict[str, list[set[int]]] = {"guided": [], "task_aligned": []}
    for i in range(3):
        outputs = detector(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(i)))
        for kind, seen in cells.items():
            seen.append(set(run_criterion(detector.network, outputs, targets, kind).cell.tolist()))
    assert cells["guided"][0] == cells["guided"][1] == cells["guided"][2]
    assert len(set.intersection(*cells["task_aligned"])) < len(set.union(*cells["task_aligned"]))
