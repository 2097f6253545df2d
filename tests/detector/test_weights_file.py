"""A weights file alone gives the detector back; no file makes this package run anything."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from safetensors.torch import load_file, save_file

from diode_pl.detector import Darknet, Detector, load_weights_file
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.weights_file import read_metadata, stored_resolution
from diode_pl.report import save_weights
from tests.detector.detectors import small
from tests.tiny_network import NAMES, tiny_network

CONF = Path(__file__).resolve().parents[2] / "conf"
SHAPES = ("yolov3_tiny", "yolov3_res", "ssd", "retinanet", "fasterrcnn")
IN_SHARED_DATA = ("mobilenetv2_yolov3_nano_coco", "yolo_fastest_1_1_coco", "yolo_fastest_1_1_xl_coco")


def named(name: str, *overrides: str) -> Detector:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("synthesize", [f"detector@teacher={name}", *overrides]).teacher
    return instantiate(config, _convert_="object").eval()


@torch.no_grad()
def require_same(detector: Detector, folder: Path, resolution: int) -> Detector:
    save_weights(detector, folder / "a.safetensors")
    again = load_weights_file(folder / "a.safetensors").eval()
    assert type(again) is type(detector) and again.class_names == detector.class_names
    assert again.fingerprint() == detector.fingerprint()
    images = torch.rand(2, 3, resolution, resolution)
    one, other = detector(images), again(images)
    assert all(torch.equal(a, b) for a, b in zip(one.heads, other.heads, strict=True))
    assert torch.equal(detector.decode(one).boxes, again.decode(other).boxes)
    assert (again.stride, again.smallest) == (detector.stride, detector.smallest)
    assert again.backbone_norm_layers == detector.backbone_norm_layers
    assert again.weights_metadata() == detector.weights_metadata()
    return again


@pytest.mark.parametrize("name", SHAPES)
def test_detectors_of_the_embedded_world(name: str, tmp_path: Path) -> None:
    detector = named(f"{name}_shapes")
    again = require_same(detector, tmp_path, 160)
    if isinstance(detector, Darknet):
        assert isinstance(again, Darknet) and vars(again.yolo_loss).keys() == vars(detector.yolo_loss).keys()
        assert again.weights_metadata()["architecture"].count('"box_gain": 0.7')
        assert str(again.provenance) == "given weights"  # the file that was written here says nothing of it


def test_a_network_of_torchvision_with_other_classes(tmp_path: Path) -> None:
    weights = ("teacher.weights=null", "teacher.names=[cat,dog]")
    require_same(named("ssdlite320_mobilenet_v3_large", *weights), tmp_path, 320)


@pytest.mark.parametrize("name", IN_SHARED_DATA)
def test_published_detectors(name: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIODE_WEIGHTS", str(shared_data / "weights"))
    detector = named(name, "teacher.twin_similarity=0.5")
    again = require_same(detector, tmp_path, 64)
    assert again.learned_classes() == detector.learned_classes() != named(name).learned_classes()


@pytest.mark.parametrize("name", ["yolov3_tiny_shapes", "ssd_shapes", "retinanet_shapes", "fasterrcnn_shapes"])
def test_the_network_of_a_file_begins_with_other_classes(name: str, tmp_path: Path) -> None:
    source = named(name)
    save_weights(source, tmp_path / "a.safetensors")
    begun = load_weights_file(tmp_path / "a.safetensors", ["raccoon"], partial=True).eval()
    assert type(begun) is type(source) and begun.class_names == ("raccoon",)
    state = source.state_dict()
    first = next(name for name in state if name.endswith("weight"))
    assert torch.equal(begun.state_dict()[first], state[first])
    begun.predict(begun(torch.rand(1, 3, 160, 160)), confidence=0.1)
    # It is stored and loaded like any other.
    require_same(begun, tmp_path, 160)


def test_names_must_be_those_of_the_file(tmp_path: Path) -> None:
    save_weights(tiny_network(tmp_path), tmp_path / "a.safetensors")
    assert load_weights_file(tmp_path / "a.safetensors", NAMES).class_names == tuple(NAMES)
    for names in (["one", "two"], NAMES[::-1], [*NAMES, "two"]):
        with pytest.raises(ConfigError, match="^names: .*a.safetensors.*; expected the names of the weights"):
            load_weights_file(tmp_path / "a.safetensors", names)
    (tmp_path / "latin.names").write_bytes("Mütze\n".encode("latin1"))
    with pytest.raises(ConfigError, match="^names: .*latin.names: byte 1 .*not UTF-8"):
        load_weights_file(tmp_path / "a.safetensors", tmp_path / "latin.names")


def test_the_checkpoint_of_a_broken_student_names_itself(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    notes = detector.weights_metadata() | {"class_names": json.dumps(NAMES)}
    state = {f"student.{name}": value for name, value in detector.state_dict().items()}
    content = {"state_dict": state, "student": notes}
    torch.save(content, tmp_path / "a.ckpt")
    assert load_weights_file(tmp_path / "a.ckpt").fingerprint() == detector.fingerprint()
    state["student.layers.0.norm.running_var"][0] = -1
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match=f"^{tmp_path}/a.ckpt: found the negative variance -1 in layers.0.norm"):
        load_weights_file(tmp_path / "a.ckpt")
    (tmp_path / "a.ckpt").write_text("hello")
    with pytest.raises(
        ConfigError, match=r"a.ckpt is not a checkpoint that holds the .*student \(found text, 'hello'\)"
    ):
        load_weights_file(tmp_path / "a.ckpt")


def test_half_precision(tmp_path: Path) -> None:
    save_weights(tiny_network(tmp_path), tmp_path / "a.safetensors", dtype=torch.float16)
    assert load_weights_file(tmp_path / "a.safetensors").fingerprint() == read_metadata(tmp_path / "a.safetensors").get(
        "fingerprint"
    )


@pytest.mark.parametrize(("noted", "found"), [({"resolution": "320"}, 320), ({}, None), ({"resolution": "x"}, None)])
def test_the_resolution_that_a_file_states(noted: dict[str, str], found: int | None, tmp_path: Path) -> None:
    save_weights(tiny_network(tmp_path), tmp_path / "a.safetensors", noted)
    assert stored_resolution(tmp_path / "a.safetensors") == found


def test_a_network_that_a_program_has_built_is_no_architecture(tmp_path: Path) -> None:
    detector = small("ssd")
    assert "architecture" not in detector.weights_metadata()
    save_weights(detector, tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="weights: .*holds no architecture.*of one's own; name the detector"):
        load_weights_file(tmp_path / "a.safetensors")


class Own(Darknet):
    """Computes what its author pleases."""


def test_a_subclass_is_no_architecture(tmp_path: Path) -> None:
    tiny_network(tmp_path)
    assert not Own(tmp_path / "tiny.cfg", None, NAMES).weights_metadata()


def test_a_checkpoint_without_an_architecture_names_the_file_beside_it(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "distillation": {}}, tmp_path / "best.ckpt")
    for path in (tmp_path / "best.ckpt", tmp_path / "absent.ckpt"):
        with pytest.raises(ConfigError, match=f"{path.name} is not a checkpoint .* take the student.safetensors that"):
            load_weights_file(path)


@pytest.mark.parametrize("name", ["a.weights", "a.pth"])
def test_files_of_other_formats_hold_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="holds no architecture"):
        load_weights_file(tmp_path / name)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="weights: .*/a.safetensors does not exist"):
        load_weights_file(tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match=f"weights: {tmp_path} is not a file, but a folder"):
        load_weights_file(tmp_path)
    with pytest.raises(ConfigError, match="weights: expected the path of a weights file"):
        load_weights_file(None)
    (tmp_path / "a.safetensors").write_bytes(b"not what it says")
    with pytest.raises(ConfigError, match="weights: .*damaged"):
        load_weights_file(tmp_path / "a.safetensors")


def changed(folder: Path, tensors: float = 0.0, names: Any = NAMES, **changes: Any) -> Path:
    """A file of the tiny network whose architecture differs, or whose tensors do."""
    path = folder / "a.safetensors"
    save_weights(tiny_network(folder), path)
    metadata = read_metadata(path)
    architecture = json.dumps(json.loads(metadata["architecture"]) | changes)
    state = {key: value + tensors if value.is_floating_point() else value for key, value in load_file(path).items()}
    save_file(state, path, metadata | {"architecture": architecture, "class_names": json.dumps(names)})
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class": "system"}, "class must be one of Darknet, FCOS"),
        ({"sections": [["net", {"width": "64"}]]}, "then at least one layer"),
        ({"learned": True}, "cannot be built here.*learned"),
        (
            {"class": "SSD", "network": {"builder": "os.system", "arguments": {"command": "true"}}},
            "builder must be one",
        ),
        ({"class": "SSD"}, "cannot be built here"),
        ({"names": "/etc/passwd"}, "class_names must be a list of texts, got '/etc/passwd'"),
        ({"names": ["cat", 2]}, "class_names must be a list of texts"),
    ],
)
def test_what_is_not_known_is_refused(changes: dict[str, Any], said: str, tmp_path: Path, unchecked: None) -> None:
    with pytest.raises(ConfigError, match=said):
        load_weights_file(changed(tmp_path, **changes))


def test_other_numbers_than_those_that_were_written_are_refused(tmp_path: Path) -> None:
    load_weights_file(changed(tmp_path))
    with pytest.raises(ConfigError, match="is it damaged"):
        load_weights_file(changed(tmp_path, tensors=1e-3))
