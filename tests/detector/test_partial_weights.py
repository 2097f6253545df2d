"""Weights of another detector, as far as they fit."""

from pathlib import Path

import pytest
import torch

from diode_pl.detector import ConfigError, Darknet, RetinaNet, narrow_retinanet, yolov3_tiny
from diode_pl.detector.partial_weights import load_fitting
from diode_pl.provenance import Provenance
from diode_pl.report import save_weights


def network(classes: int) -> Darknet:
    names = [f"class {i}" for i in range(classes)]
    return Darknet(yolov3_tiny(classes, width=0.05), None, names)


def test_what_fits_is_taken_and_the_rest_stays(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    source, target = network(3), network(1)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    load_fitting(target, source.state_dict(), "three.pt")
    heads = {name for name, value in before.items() if source.state_dict()[name].shape != value.shape}
    assert len(heads) == 4  # weights and biases of the two convolutions before the heads
    for name, value in target.state_dict().items():
        assert torch.equal(value, before[name] if name in heads else source.state_dict()[name])
    taken, drawn = caplog.messages
    assert taken == f"three.pt: {count(target) - 4} of {count(target)} tensors fit and are taken"
    assert drawn.startswith("three.pt: 4 are drawn anew: ") and all(name in drawn for name in heads)


def test_nothing_that_fits_is_an_error() -> None:
    with pytest.raises(ConfigError, match="^weights: no tensor in other.pt has the name and the shape"):
        load_fitting(network(1), {"a": torch.zeros(3)}, "other.pt")


def test_integers_are_refused_where_they_fit() -> None:
    state = network(3).state_dict()
    head = next(name for name in state if state[name].shape != network(1).state_dict()[name].shape)
    load_fitting(network(1), {**state, "epoch": torch.tensor(3), head: state[head].int()}, "three.pt")  # not taken
    name = "layers.0.conv.weight"
    with pytest.raises(ConfigError, match=f"^three.pt: found int32 in {name}; expected floating point"):
        load_fitting(network(1), {**state, name: state[name].int()}, "three.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_detectors_begin_with_other_classes(suffix: str, tmp_path: Path) -> None:
    source = RetinaNet(narrow_retinanet, None, ["a", "b", "c"])
    path = tmp_path / f"three{suffix}"
    if suffix == ".pt":
        torch.save(source.state_dict(), path)
    else:
        save_weights(source, path, {"data_access": "teacher +proxy images"})
    begun = RetinaNet(narrow_retinanet, path, ["raccoon"], partial=True)
    expected = "weights from three.pt" if suffix == ".pt" else "teacher +proxy images"
    assert begun.class_names == ("raccoon",) and begun.provenance == Provenance.parse(expected)
    first = next(iter(dict(source.network.backbone.named_parameters())))
    assert torch.equal(begun.network.backbone.get_parameter(first), source.network.backbone.get_parameter(first))


def count(detector: Darknet) -> int:
    return sum(not name.endswith("num_batches_tracked") for name in detector.state_dict())
