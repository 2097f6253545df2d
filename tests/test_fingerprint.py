import copy

import torch
from torch import nn

from diode_pl.fingerprint import fingerprint


def test_like_weights_have_like_fingerprints() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    twin = copy.deepcopy(module).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    assert fingerprint(twin) == fingerprint(module) and len(fingerprint(module)) == 64


def test_every_parameter_and_buffer_counts() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    found = {fingerprint(module)}
    for value in module.state_dict().values():
        value.add_(1)
        found.add(fingerprint(module))
    assert len(found) == 1 + len(module.state_dict())
