"""State dicts are read from files, and whatever else files hold is named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diode_pl.detector import ConfigError
from diode_pl.detector.state_files import (
    load_state,
    read_provenance,
    read_state,
    read_stored_architecture,
    read_stored_names,
)
from diode_pl.provenance import GIVEN_WEIGHTS, REAL_IMAGES


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def write(content: Any, file: Path, **metadata: str) -> Path:
    save_file(content, file, metadata) if file.suffix.lower() == ".safetensors" else torch.save(content, file)
    return file


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.PT", "a.safetensors", "a.SAFETENSORS"])
def test_every_format(name: str, tmp_path: Path) -> None:
    source, module = network(), network()
    load_state(module, write(source.state_dict(), tmp_path / name))
    assert all(torch.equal(value, module.state_dict()[key]) for key, value in source.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precision_is_taken_up(dtype: torch.dtype, tmp_path: Path) -> None:
    source, module = network(), network()
    expected = {
        key: value.to(dtype) if value.is_floating_point() else value for key, value in source.state_dict().items()
    }
    load_state(module, write(expected, tmp_path / "a.safetensors"))
    for key, value in module.state_dict().items():
        assert value.dtype == source.state_dict()[key].dtype and torch.equal(value, expected[key].to(value.dtype)), key


def test_numbers_that_single_precision_cannot_hold(tmp_path: Path) -> None:
    state = {key: value.double() for key, value in network().state_dict().items()}
    state["0.bias"][2] = 1e300
    with pytest.raises(ConfigError, match="a.pt: found numbers that are not finite, infinity in 0.bias"):
        load_state(network(), write(state, tmp_path / "a.pt"))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.float8_e4m3fn])
@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_numbers_of_another_kind_are_refused(dtype: torch.dtype, name: str, tmp_path: Path) -> None:
    state = {**STATE, "1.weight": STATE["1.weight"].to(dtype)}
    with pytest.raises(ConfigError, match=f"{name}: found {str(dtype)[6:]} in 1.weight; expected floating point"):
        load_state(network(), write(state, tmp_path / name))


@pytest.mark.parametrize("suffix", [".weights", ".h5", ".bin", ""])
def test_unknown_suffixes_say_which_are_known(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"anything")
    found = f"the suffix {suffix}, which is not known" if suffix else "no suffix"
    with pytest.raises(ConfigError, match=f"a{suffix}: found {found}; expected weights as .safetensors, .pt, .pth"):
        read_state(tmp_path / f"a{suffix}")


STATE: dict[str, Tensor] = network().state_dict()
EXPECTED = r"expected a dict of tensors, as of model.state_dict\(\)"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"model": STATE}, f"found dict; {EXPECTED}, which is its entry 'model': save that alone"),
        ({"epoch": 3, "state_dict": STATE}, f"{EXPECTED}, which is its entry 'state_dict'"),
        ({"model": STATE, "ema": STATE, "optimizer": {"state": {0: {"step": 1}}}}, "its entry 'model' or 'ema'"),
        (
            {"epoch": 3, "run": {"ckpt": {"net": STATE}}},
            f"{EXPECTED}, which is its entry 'net' in 'ckpt' in 'run': save",
        ),
        (
            {"a": {"model": STATE}, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
            "its entry 'model' in 'a': save",
        ),
        ({"optimizer": {"state": {0: {"step": torch.ones(1)}}}}, f"{EXPECTED}, got dict as 'optimizer'"),
        ({"x" * 9999: 3}, r"got int as 'x+\.\.\.x+'$"),
        ({"x" * 9999: torch.ones(1)}, r"the first is 0.weight"),
        ({1: torch.ones(1)}, f"found dict; {EXPECTED}, got the key 1"),
        ({"a": torch.ones(1), "epoch": 3}, f"found dict; {EXPECTED}, got int as 'epoch'"),
        ({**STATE, "0.bias": torch.ones(4).to_sparse()}, "got a sparse tensor .* as '0.bias'"),
        ({**STATE, "0.bias": torch.ones(4, device="meta")}, "got a tensor without its numbers as '0.bias'"),
        ([torch.ones(1)], f"found list; {EXPECTED}"),
        (torch.ones(1), f"found Tensor; {EXPECTED}"),
        (nn.Linear(1, 1), r"a.pt: found a file that holds more than tensors, torch.nn.*code.*state_dict\(\), path\)"),
        (
            {f"module.{key}": value for key, value in STATE.items()},
            "begin with 'module.', as of DataParallel.*: 0.weight",
        ),
        ({f"_orig_mod.{key}": value for key, value in STATE.items()}, "begin with '_orig_mod.', as of torch.compile"),
        ({"0.weight": torch.zeros(1)}, "a.pt: found another network's weights; expected this one's"),
    ],
)
def test_what_is_no_state_dict_is_named(content: Any, found: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=found):
        load_state(network(), write(content, tmp_path / "a.pt"))


def test_another_network_is_told_by_its_first_tensor(tmp_path: Path) -> None:
    other = {**STATE, "0.weight": torch.zeros(1), "2.bias": torch.zeros(7)}
    del other["1.num_batches_tracked"], other["1.bias"]
    file = write(other, tmp_path / "a.safetensors", architecture='{"class": "SSD"}')
    # Two of a convolution, four of a batch norm and one too many.
    found = r"3 of 7 tensors differ, the first is 0.weight: found \(1,\), expected \(4, 3, 3, 3\)"
    with pytest.raises(ConfigError, match=f"{found}; the file states the architecture of SSD; try it$"):
        load_state(network(), file, "try it")
    for architecture in ("SSD", "[1]", "{}", ""):
        assert read_stored_architecture(write(other, file, architecture=architecture)) is None


def test_damaged_files(tmp_path: Path) -> None:
    content = write(network().state_dict(), tmp_path / "a.safetensors").read_bytes()
    for damaged in (b"", b"nonsense, and a good deal of it", content[:-1], content[:100]):
        (tmp_path / "a.safetensors").write_bytes(damaged)
        with pytest.raises(ConfigError, match="a.safetensors: found a file that is damaged or no safetensors"):
            read_state(tmp_path / "a.safetensors")
    (tmp_path / "a.pt").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match=r"a.pt: found text, 'nonsense'; expected what torch.save\(model.state_dict"):
        read_state(tmp_path / "a.pt")


def test_the_checkpoint_of_a_run_is_refused(tmp_path: Path) -> None:
    write({"state_dict": STATE, "epoch": 3}, tmp_path / "student.ckpt")
    with pytest.raises(ConfigError, match=r"student.ckpt: found the checkpoint of a training run.*student.safetensors"):
        read_state(tmp_path / "student.ckpt")


@pytest.mark.parametrize("name", ["text.pt", "text.ckpt", "int_keys.pt"])
def test_shared_files_of_other_content(name: str, shared_data: Path) -> None:
    if not (file := shared_data / "odd_files" / "checkpoints" / name).is_file():
        pytest.skip("needs shared/data/odd_files")
    with pytest.raises(ConfigError, match=f"{name}: found (text, 'hello world|dict; .*got the key 1)"):
        read_state(file)


def test_what_a_file_says_of_its_weights(tmp_path: Path) -> None:
    notes = {"data_access": "real images", "class_names": json.dumps(["cat", "dog"])}
    file = write(STATE, tmp_path / "a.safetensors", **notes)
    assert read_provenance(file) == REAL_IMAGES and read_stored_names(file) == ["cat", "dog"]
    for text in ("cat, dog", '"cat"', "[1]", ""):
        assert read_stored_names(write(STATE, file, class_names=text)) is None
    other = write(STATE, tmp_path / "a.pt")
    assert read_provenance(other) == GIVEN_WEIGHTS and read_stored_names(other) is None
    assert str(read_provenance(other, partial=True)) == "weights from a.pt"
