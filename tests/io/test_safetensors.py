import copy
import json

import torch
from safetensors import safe_open
from safetensors.torch import load, save
from torch import nn

from diode_pl.io.safetensors import fingerprint, to_safetensors


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


NOTES = {name: f'{name} of \u00e4 "{name}"' for name in "hdbgaecfji"}
STATE = {"b": torch.rand(3), "a": torch.rand(2, 5).half(), "c": torch.tensor(7), "d": torch.zeros(0)}


def header(content: bytes) -> str:
    return content[8 : 8 + int.from_bytes(content[:8], "little")].decode()


def test_a_file_of_the_same_weights_has_the_same_bytes() -> None:
    content = to_safetensors(STATE, NOTES)
    # In the order of their names: by chance, which is what the library leaves it to, one time in 3.6 million.
    assert list(json.loads(header(content))["__metadata__"].items()) == sorted(NOTES.items())
    assert content == to_safetensors(dict(reversed(STATE.items())), dict(reversed(NOTES.items())))
    plain = save(STATE, NOTES)
    assert json.loads(header(content)) == json.loads(header(plain))
    assert len(header(content).encode()) % 8 == 0 and len(content) == len(plain)


def test_a_file_holds_what_it_was_given(tmp_path) -> None:
    content = to_safetensors(STATE, NOTES)
    found = load(content)
    assert found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)
    (tmp_path / "a.safetensors").write_bytes(content)
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == NOTES
