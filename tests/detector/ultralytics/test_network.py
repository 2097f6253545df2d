"""Networks of the package, and files that it opens."""

from pathlib import Path
from typing import Any

import pytest
import torch

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.checkpoint import read_checkpoint
from diode_pl.detector.ultralytics.description import read_description
from diode_pl.detector.ultralytics.network import UNUSED, build_network, open_head, to_package_file
from tests.detector.ultralytics.small_networks import NAMES, description, need_package


def built(name: str = "yolo11n.yaml") -> Any:
    described = read_description(need_package(), description(name))
    return build_network(need_package(), described, NAMES)


@pytest.mark.parametrize("name", ["yolov10n.yaml", "yolo26n.yaml"])
def test_heads_come_without_their_second_branch(name: str) -> None:
    network, whole = built(name), need_package().network(description(name), verbose=False)
    left = {key for key in whole.state_dict() if not any(part in key for part in UNUSED)}
    assert {key for key in network.state_dict() if ".dfl." not in key} == left
    assert len(left) < len(whole.state_dict()) and not network.end2end


def test_an_open_head_returns_its_inputs() -> None:
    network, images = built().eval(), torch.rand(1, 3, 64, 64)
    found, before = [], network.model[-1].register_forward_pre_hook(lambda _, inputs: found.extend(inputs[0]))
    network(images)
    before.remove()
    open_head(network)
    assert len(found) == 3 and all(torch.equal(a, b) for a, b in zip(network(images), found, strict=True))


def test_what_the_package_cannot_build() -> None:
    described = read_description(need_package(), description("yolov8n.yaml"))
    described["head"][-1][0] = [99]
    with pytest.raises(ConfigError, match=r"model: ultralytics \d+\.\d+\.\d+ cannot build it: "):
        build_network(need_package(), described, NAMES)


def test_the_package_opens_the_file_and_finds_the_same(tmp_path: Path) -> None:
    from tests.detector.detectors import small, some_images

    detector, path = small("ultralytics"), tmp_path / "student.pt"
    state, drawn = torch.random.get_rng_state(), detector.native_files(64)
    assert drawn.keys() == {".pt"} and torch.equal(torch.random.get_rng_state(), state)
    path.write_bytes(drawn[".pt"])
    from ultralytics import YOLO

    model, images = YOLO(path), (some_images(1) * 255).round() / 255
    assert model.task == "detect" and model.names == dict(enumerate(NAMES))
    (result,) = model.predict(images, conf=0.1, iou=0.45, max_det=5, imgsz=64, verbose=False, save=False)
    (found,) = detector.predict(detector(images), 0.1, 0.45, 5)
    assert len(found.scores) and result.boxes.conf[0].item() == pytest.approx(found.scores[0].item(), abs=1e-3)
    torch.testing.assert_close(result.boxes.xyxyn[0], found.boxes[0], rtol=0, atol=1e-3)
    again = read_checkpoint(path)
    assert again.class_names == list(detector.class_names)
    assert all(torch.equal(again.state[key], value) for key, value in detector.network.state_dict().items())


def test_the_file_is_the_same_each_time() -> None:
    network = built()
    open_head(network)
    described = read_description(need_package(), description("yolo11n.yaml"))
    files = [to_package_file(need_package(), described, NAMES, network.state_dict()) for _ in range(2)]
    assert files[0] == files[1]
