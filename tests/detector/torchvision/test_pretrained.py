"""The weights that torchvision publishes: found on this machine, or downloaded."""

import hashlib
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum
from torchvision.models.detection import (
    FasterRCNN_ResNet50_FPN_Weights,
    RetinaNet_ResNet50_FPN_Weights,
    SSDLite320_MobileNet_V3_Large_Weights,
    fasterrcnn_resnet50_fpn,
    retinanet_resnet50_fpn,
    ssdlite320_mobilenet_v3_large,
)
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector import SSD, ConfigError, Detector, DownloadError, FasterRCNN, RetinaNet
from diode_pl.detector.torchvision.frozen_norms import freeze_norms
from diode_pl.detector.torchvision.loading import COCO_CLASSES, load_network
from diode_pl.provenance import GIVEN_WEIGHTS
from tests.detector.torchvision.small_networks import calibrated, same, state_file, tiny_retinanet

PUBLISHED = SSDLite320_MobileNet_V3_Large_Weights.COCO_V1
FILE = PUBLISHED.url.rsplit("/", 1)[1]
ssdlite = partial(ssdlite320_mobilenet_v3_large, weights_backbone=None)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which torch keeps what it downloads; empty."""
    monkeypatch.delenv("DIODE_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


def publish(weights: WeightsEnum, state: Mapping[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes what from now on is torchvision's own file."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    path = (folder / "new.pth").rename(folder / f"net_coco-{digest}.pth")
    monkeypatch.setattr(weights.value, "url", f"https://somewhere/{path.name}")
    return path


def test_names_that_coco_lacks_do_not_go_with_its_weights() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^names: COCO_V1 knows COCO's classes, but not \['gear'\]; None takes COCO's, .*partial=True takes",
    ):
        load_network(ssdlite, "COCO_V1", ["cat", "gear"], first=1)


@pytest.mark.parametrize("own", [False, True])
def test_a_file_with_another_checksum_is_named(
    home: Path, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    place = tmp_path / "own" / "torchvision" if own else home
    place.mkdir(parents=True)
    monkeypatch.setenv("DIODE_WEIGHTS", str(place.parent))
    state_file(ssdlite(num_classes=91), place / FILE)
    with pytest.raises(
        DownloadError, match=f"{place / FILE} has sha256 .*, expected a79551df: replace it by .*or give its path"
    ):
        load_network(ssdlite, "COCO_V1", None, first=1)


def test_a_file_that_holds_more_than_tensors_runs_nothing(
    home: Path, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Touched:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    publish(PUBLISHED, {"weight": Touched()}, home, monkeypatch)
    with pytest.raises(ConfigError, match="holds more than tensors"):
        load_network(ssdlite, "COCO_V1", None, first=1)
    assert not (tmp_path / "ran").exists()


def test_finds_published_weights_where_torch_keeps_them(
    home: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = calibrated(ssdlite(num_classes=91))
    publish(PUBLISHED, source.state_dict(), home, monkeypatch)
    detector = SSD(ssdlite320_mobilenet_v3_large, "COCO_V1", None, stride=32, smallest=32)
    assert same(source, detector.network) and detector.class_names == COCO_CLASSES
    assert detector.provenance == GIVEN_WEIGHTS and all(p.requires_grad for p in detector.parameters())


def test_ones_own_folder_comes_first(
    home: Path, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, source = tmp_path / "own", calibrated(ssdlite(num_classes=91))
    path = publish(PUBLISHED, source.state_dict(), own / "torchvision", monkeypatch)
    home.mkdir(parents=True)
    (home / path.name).write_bytes(b"another's")
    monkeypatch.setenv("DIODE_WEIGHTS", str(own))
    assert same(source, load_network(ssdlite, "COCO_V1", None, first=1).network)
    path.rename(home / path.name)
    assert same(source, load_network(ssdlite, "COCO_V1", None, first=1).network)
    monkeypatch.setenv("DIODE_WEIGHTS", str(own / "nowhere"))
    with pytest.raises(DownloadError, match=r"DIODE_WEIGHTS=.*nowhere is not a folder"):
        load_network(ssdlite, "COCO_V1", None, first=1)


def small_variances(build: Callable[..., nn.Module]) -> dict[str, Tensor]:
    """Random weights of a network whose norm layers are frozen and see numbers that hardly vary."""
    with torch.device("meta"):
        network = build(num_classes=91, weights_backbone=None)
        freeze_norms(network)
    state = {}
    for name, value in network.state_dict().items():
        state[name] = torch.randn(value.shape) * (2 / max(1, value[:1].numel())) ** 0.5
        if name.endswith("running_var"):
            state[name] = torch.rand(value.shape) * 1e-5 + 1e-6
            state[name.replace("running_var", "weight")] = state[name].sqrt()
    return {name: value.half() for name, value in state.items()}


@pytest.mark.parametrize(
    ("kind", "build", "weights"),
    [
        (FasterRCNN, fasterrcnn_resnet50_fpn, FasterRCNN_ResNet50_FPN_Weights.COCO_V1),
        (RetinaNet, retinanet_resnet50_fpn, RetinaNet_ResNet50_FPN_Weights.COCO_V1),
    ],
)
@torch.no_grad()
def test_networks_with_frozen_norms_answer_as_torchvisions_own(
    home: Path,
    offline: None,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Detector],
    build: Callable[..., Any],
    weights: WeightsEnum,
) -> None:
    path = publish(weights, small_variances(build), home, monkeypatch)
    images, theirs = torch.rand(1, 3, 64, 64), build(weights=weights).eval()
    expected = theirs.backbone(theirs.transform.normalize(images)).values()
    assert all(bool(each.isfinite().all()) and bool(each.any()) for each in expected)
    ours = kind(build, "COCO_V1", None).train()
    assert all(p.requires_grad for p in ours.parameters())
    renamed = kind(partial(build, weights_backbone=None), path.rename(home / "mine.pth"), None)
    for detector in (ours, renamed):
        assert all(isinstance(layer, FrozenBatchNorm2d) and layer.eps == 0 for layer in detector.norm_layers())
        for found, wanted in zip(detector(images).features, expected, strict=True):
            assert torch.equal(found, wanted)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which this machine serves it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("whole", [True, False])
def test_downloads_published_weights(
    home: Path, server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    folder, address = server
    source = calibrated(ssdlite(num_classes=91))
    state_file(source, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8] if whole else "0" * 8
    (folder / "new.pth").rename(folder / f"lite-{digest}.pth")
    monkeypatch.setattr(PUBLISHED.value, "url", f"{address}/lite-{digest}.pth")
    if whole:
        assert same(source, load_network(ssdlite, "COCO_V1", None, first=1).network)
        assert (home / f"lite-{digest}.pth").is_file()
    else:
        with pytest.raises(
            DownloadError, match=f"cannot download lite-{digest}.pth from {address}/.*received a file of sha256"
        ):
            load_network(ssdlite, "COCO_V1", None, first=1)
        assert not (home / f"lite-{digest}.pth").exists()


def test_without_a_network_says_what_to_put_where(home: Path, offline: None) -> None:
    with pytest.raises(DownloadError) as error:
        SSD(ssdlite, "COCO_V1", None, stride=32, smallest=32)
    for said in (
        f"from {PUBLISHED.url}",
        "no network",
        f"put it at {home / FILE} or $DIODE_WEIGHTS/torchvision/{FILE}",
        "or give its path as weights",
    ):
        assert said in str(error.value)


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"^weights: COCO_V7 does not exist; .*None.*torchvision's: .*COCO_V1"):
        load_network(ssdlite, "COCO_V7", None, first=1)


def test_a_network_that_nobody_publishes_weights_for_has_no_names_of_any() -> None:
    with pytest.raises(ConfigError, match=r"^weights: COCO_V1 does not exist; expected the path") as error:
        load_network(tiny_retinanet, "COCO_V1", None, first=0)
    assert "torchvision's" not in str(error.value)
