import pytest
import torch

from diode_pl.detector.torchvision import deterministic_sampler as fixed_sample
from diode_pl.targets import Targets
from tests.detector.detectors import small, some_images, some_targets


# All families have unlike numbers of positives in the two images, some with the third box and some without.
@pytest.mark.parametrize("third", [True, False])
@pytest.mark.parametrize("name", ["retinanet", "fcos", "ssd", "ssdlite"])
def test_two_processes_have_the_loss_of_one_with_both_images(
    name: str, third: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, images = small(name), some_images()
    targets = some_targets().keep(torch.tensor([True, True, third, True])).compact()
    outputs = detector(images)
    together, held = detector.loss(outputs, targets), detector.match_predictions(outputs, targets)
    monkeypatch.setattr(
        fixed_sample, "reduce_sum_per_process", lambda value, at_least: torch.tensor(len(held.image) / 2)
    )
    alone = []
    for i, image in enumerate(images):
        own = targets.image_index == i
        of_image = Targets(targets.boxes[own], targets.labels[own], torch.zeros(int(own.sum()), dtype=torch.long), 1)
        alone.append(detector.loss(detector(image[None]), of_image))
    for key, term in together.items():
        torch.testing.assert_close((alone[0][key] + alone[1][key]) / 2, term)
