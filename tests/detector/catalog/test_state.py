import copy

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector import BatchNormRecorder
from diode_pl.detector.torchvision.frozen_norms import freeze_norms
from diode_pl.provenance import GIVEN_WEIGHTS
from tests.detector.detectors import BUILDS, every, small, some_images, some_targets


@every
def test_norm_layers_in_forward_order(name: str) -> None:
    detector, case = small(name), BUILDS[name]
    norms, order = detector.norm_layers(), []
    assert (len(norms), detector.backbone_norm_layers) == case.norms
    kind = FrozenBatchNorm2d if case.frozen else nn.BatchNorm2d
    assert all(isinstance(norm, kind) for norm in norms)
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d | FrozenBatchNorm2d):
            module.register_forward_pre_hook(lambda module, _: order.append(module))
    detector(some_images())
    assert order == norms


@every
def test_statistics_of_every_norm_layer_are_recorded(name: str) -> None:
    detector = small(name).freeze()
    statistics = BatchNormRecorder(detector.norm_layers())
    images = some_images().requires_grad_()
    with statistics.recording():
        detector(images)
    sizes = [[len(channel_stats.mean) for channel_stats in some] for some in (statistics.batch, statistics.running)]
    assert sizes[0] == sizes[1] and len(sizes[0]) == BUILDS[name].norms[0]
    for found in statistics.batch:
        (gradient,) = torch.autograd.grad(found.mean.sum() + found.var.sum(), images, retain_graph=True)
        assert bool(gradient.isfinite().all()) and bool(gradient.any())


@pytest.mark.parametrize("name", [name for name, case in BUILDS.items() if not case.frozen])
def test_recorded_means_are_those_that_the_layers_would_learn(name: str) -> None:
    detector = small(name).train()
    statistics = BatchNormRecorder(detector.norm_layers())
    for layer in detector.norm_layers():
        layer.momentum = 1.0
    with statistics.recording():
        detector(some_images())
    for found, learned in zip(statistics.batch, statistics.running, strict=True):
        torch.testing.assert_close(found.mean, learned.mean)


@every
def test_a_frozen_detector_stays_as_it_is(name: str) -> None:
    detector = small(name).freeze()
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    detector.train()
    images = some_images().requires_grad_()
    for _ in range(2):
        sum(detector.loss(detector(images), some_targets()).values()).backward()
    assert not any(module.training for module in detector.modules())
    assert all(p.grad is None and not p.requires_grad for p in detector.parameters())
    assert all(torch.equal(value, before[key]) for key, value in detector.state_dict().items())


@every
def test_training_mode_comes_and_goes(name: str) -> None:
    detector = small(name)
    assert not any(module.training for module in detector.modules())
    assert all(module.training for module in detector.train().modules())
    assert all(parameter.requires_grad for parameter in detector.parameters())
    assert detector.provenance == (GIVEN_WEIGHTS if BUILDS[name].given else None)


@every
def test_fingerprint_is_that_of_the_weights(name: str) -> None:
    detector = small(name)
    before = detector.fingerprint()
    detector.decode(detector(some_images()))
    assert small(name).fingerprint() == before == copy.deepcopy(detector).train().fingerprint()
    for value in list(detector.state_dict().values())[:2]:
        value.view(-1)[:1].add_(1)
        assert detector.fingerprint() != before
        before = detector.fingerprint()


@every
def test_a_state_dict_is_the_whole_of_it(name: str) -> None:
    detector, case = small(name), BUILDS[name]
    other = case.draw(None, detector.class_names)
    if case.frozen:
        freeze_norms(other)
    outputs = other.eval()(some_images())
    wanted = detector(some_images())
    assert not torch.allclose(outputs.heads[0], wanted.heads[0])
    other.load_state_dict(detector.state_dict())
    for found, expected in zip(other(some_images()).heads, wanted.heads, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert other.fingerprint() == detector.fingerprint()


@every
def test_a_copy_shares_nothing(name: str) -> None:
    detector = small(name)
    twin, wanted = copy.deepcopy(detector), detector(some_images())
    with torch.no_grad():
        for value in (*detector.parameters(), *detector.buffers()):
            value.zero_()
    for found, expected in zip(twin(some_images()).heads, wanted.heads, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert all(a is not b for a, b in zip(twin.norm_layers(), detector.norm_layers(), strict=True))


@every
def test_random_weights_come_from_the_global_generator(name: str) -> None:
    def draw(seed: int) -> str:
        torch.manual_seed(seed)
        return BUILDS[name].draw(None, None if name != "darknet" else ("cat", "dog")).fingerprint()

    assert draw(1) == draw(1) != draw(2)


@every
def test_every_class_counts_as_learned(name: str) -> None:
    detector = small(name)
    assert detector.learned_classes() == {key: label for label, key in enumerate(detector.class_names)}
