import copy

import pytest
import torch
from torch import Tensor, nn

from diode_pl.detector import Darknet, convert_sync_batch_norm
from diode_pl.detector.sync_batch_norm import FoldedBatchNorm, SynchronizedBatchNorm
from tests.distillation.losses.batches import SIZE, network


@pytest.fixture
def images() -> Tensor:
    return torch.rand(4, 3, SIZE, SIZE)


def trained() -> Darknet:
    """A network whose running statistics have moved."""
    detector = network().train()
    detector(torch.rand(8, 3, SIZE, SIZE) * 3)
    return detector


def test_weights_stay_the_same_objects_in_the_same_order() -> None:
    detector = trained()
    parameters, state = list(detector.named_parameters()), detector.state_dict(keep_vars=True)
    convert_sync_batch_norm(detector)
    assert sum(isinstance(layer, SynchronizedBatchNorm) for layer in detector.modules()) == 3
    after = detector.state_dict(keep_vars=True)
    assert [name for name, _ in detector.named_parameters()] == [name for name, _ in parameters]
    assert all(one is other for (_, one), (_, other) in zip(parameters, detector.named_parameters(), strict=True))
    assert list(after) == list(state) and all(after[name] is state[name] for name in state)
    assert detector.norm_layers() == [m for m in detector.modules() if isinstance(m, SynchronizedBatchNorm)]


def test_settings_and_modes_stay() -> None:
    module = nn.Sequential(nn.Sequential(nn.BatchNorm2d(3, eps=0.01, momentum=0.3)), nn.BatchNorm2d(3).eval())
    module[0][0].weight.requires_grad_(False)
    convert_sync_batch_norm(module)
    first, second = module[0][0], module[1]
    assert (first.eps, first.momentum, first.training, second.training) == (0.01, 0.3, True, False)
    assert not first.weight.requires_grad and first.bias.requires_grad


def test_eval_mode_is_as_before(images: Tensor) -> None:
    detector = trained().eval()
    before = detector(images).heads
    convert_sync_batch_norm(detector)
    state = copy.deepcopy(detector.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(detector(images).heads, before, strict=True))
    assert all(torch.equal(value, state[name]) for name, value in detector.state_dict().items())


def test_one_process_trains_as_before(images: Tensor) -> None:
    plain, synchronized = trained(), trained()
    synchronized.load_state_dict(plain.state_dict())
    convert_sync_batch_norm(synchronized)
    for detector in (plain, synchronized):
        sum(head.square().sum() for head in detector(images).heads).backward()
    for one, other in zip(plain.parameters(), synchronized.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    for one, other in zip(plain.buffers(), synchronized.buffers(), strict=True):
        assert torch.equal(one, other)


def test_a_second_time_changes_nothing(images: Tensor) -> None:
    detector = trained()
    convert_sync_batch_norm(detector)
    weights = list(detector.parameters())
    convert_sync_batch_norm(detector)
    assert all(one is other for one, other in zip(weights, detector.parameters(), strict=True))
    assert detector(images).heads[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("training", [False, True])
def test_folded_batch_norm_equals_the_librarys(dtype: torch.dtype, training: bool) -> None:
    ours, theirs = FoldedBatchNorm(3, eps=1e-5), torch.nn.BatchNorm2d(3, eps=1e-5)
    state = {"weight": torch.randn(3), "bias": torch.randn(3), "running_mean": torch.randn(3)}
    # Published networks hold variances of channels that never change, far below eps.
    state["running_var"] = torch.tensor([1e-45, 0.1, 30.0])
    images = torch.randn(2, 3, 4, 4).to(dtype)
    results = []
    for norm in (ours, theirs):
        norm.load_state_dict(state, strict=False)
        norm.to(torch.float64 if dtype == torch.float64 else torch.float32).train(training)
        x = images.clone().requires_grad_()
        out = norm(x)
        out.square().sum().backward()
        results.append((out.detach(), x.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var))
    assert results[0][0].dtype == dtype
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
