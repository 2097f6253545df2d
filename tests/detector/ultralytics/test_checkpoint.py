"""Files of the package are read, and none of their code is run."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.checkpoint import read_checkpoint
from tests.detector.ultralytics.small_networks import NAMES, need_package, write_best


class Malicious:
    """An object that writes a file when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_what_a_training_writes(tmp_path: Path) -> None:
    network = write_best(tmp_path / "best.pt", train_metrics={"mAP50": np.float64(0.5)}, git={"root": Path("/a")})
    found = read_checkpoint(tmp_path / "best.pt")
    assert found.class_names == list(NAMES) and found.description["scale"] == "n"
    expected = network.state_dict()
    assert found.state.keys() == expected.keys()
    assert all(torch.equal(value.float(), expected[name].half().float()) for name, value in found.state.items())


def test_the_average_counts_before_the_last_network(tmp_path: Path) -> None:
    network = write_best(tmp_path / "a.pt")
    other = write_best(tmp_path / "best.pt", ema=network)
    found, name = read_checkpoint(tmp_path / "best.pt").state, "model.0.conv.weight"
    averaged, last = (each.half().state_dict()[name] for each in (network, other))
    assert torch.equal(found[name].half(), averaged) and not torch.equal(found[name].half(), last)


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path) -> None:
    need_package()
    mark, path = tmp_path / "mark", tmp_path / "best.pt"
    assert (pickled := Malicious(mark).__reduce__())[0] is os.system
    write_best(path, best_fitness=Malicious(mark))
    with pytest.raises(ConfigError, match=rf"best.pt is refused: it mentions (posix|nt)\.{pickled[0].__name__}, which"):
        read_checkpoint(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "it would have been run"


class Calls:
    """A call of a class of the package, with arguments of the author's choice."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def test_classes_of_the_package_are_not_called(tmp_path: Path) -> None:
    from torch import nn

    package, mark, path = need_package(), tmp_path / "mark", tmp_path / "best.pt"
    evil = {"nc": 1, "activation": f"open({str(mark)!r}, 'w') and nn.ReLU()", "backbone": [], "head": []}
    write_best(path, ema=Calls(package.network, evil), optimizer=Calls(nn.Conv2d, -1, -1, -1))
    with pytest.raises(ConfigError, match="best.pt holds no detection network as ultralytics writes it"):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": torch.zeros(1)}, "holds no network of ultralytics; expected a file such as best.pt"),
        ([1], "holds no network of ultralytics"),
        ({"model": torch.nn.Conv2d(1, 1, 1)}, "holds no detection network as ultralytics writes it"),
    ],
)
def test_other_files_of_torch(content: Any, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ConfigError, match=f"weights: .*a.pt {said}"):
        read_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(100)])
def test_files_that_are_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ConfigError, match="weights: .*a.pt is damaged or no .pt file of ultralytics"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_file_that_is_not_there_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"yolo11n.pt does not exist, and nothing is down.*YOLO\('yolo11n.pt'\)"):
        read_checkpoint("yolo11n.pt")
    assert not list(tmp_path.iterdir())


def test_fused_networks_and_other_norms_are_refused(tmp_path: Path) -> None:
    network = write_best(tmp_path / "best.pt")
    network.model[0].bn.eps = 1e-5
    torch.save({"model": network}, tmp_path / "eps.pt")
    with pytest.raises(ConfigError, match="epsilon 1e-05; expected 0.001"):
        read_checkpoint(tmp_path / "eps.pt")
    torch.save({"model": network.fuse(verbose=False)}, tmp_path / "fused.pt")
    with pytest.raises(ConfigError, match="fused.pt (is refused|has no batch norm layers, so it was fused)"):
        read_checkpoint(tmp_path / "fused.pt")
