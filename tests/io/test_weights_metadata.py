import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from diode_pl.io.weights_metadata import parse_resolution, read_resolution, read_safetensors_metadata


@pytest.mark.parametrize(("stated", "resolution"), [("320", 320), ("9" * 5000, None), ("1e3", None), ("", None)])
def test_a_resolution_is_a_number_or_unknown(stated: str, resolution: int | None) -> None:
    assert parse_resolution({"resolution": stated}) == resolution


def test_what_a_file_states(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", {"resolution": "224"})
    save_file({"a": torch.zeros(1)}, tmp_path / "silent.SAFETENSORS")
    assert read_resolution(tmp_path / "a.safetensors") == 224
    assert read_safetensors_metadata(tmp_path / "silent.SAFETENSORS") == {}
    assert read_resolution(tmp_path / "other.weights") is None
    with pytest.raises(OSError, match="missing"):
        read_resolution(tmp_path / "missing.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"0" * 20)
    with pytest.raises(SafetensorError):
        read_resolution(tmp_path / "bad.safetensors")


def test_it_does_without_torch(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", {"resolution": "96"})
    code = (
        "import sys; from diode_pl.io.weights_metadata import read_resolution; "
        f"print(read_resolution({str(tmp_path / 'a.safetensors')!r}), 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["96", "False"]
