"""Networks of torchvision with weights: random or from a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection import RetinaNet_ResNet50_FPN_Weights
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector import ConfigError, Detector, FasterRCNN, RetinaNet
from diode_pl.detector.torchvision.frozen_norms import freeze_norms
from diode_pl.detector.torchvision.loading import COCO_CLASSES, load_network
from diode_pl.provenance import GIVEN_WEIGHTS, REAL_IMAGES
from tests.detector.torchvision.small_networks import calibrated, same, state_file, tiny_faster_rcnn, tiny_retinanet

COCO = RetinaNet_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
NAMES = ["cat", "dog", "cup"]
COCO_NUMBERS = [17, 18, 47]  # of these, in COCO's own list of 90


# ---------------------------------------------------------------- random weights


def test_random_weights_know_nothing() -> None:
    loaded = load_network(tiny_retinanet, None, NAMES, first=0)
    assert (loaded.class_names, loaded.columns, loaded.provenance) == (NAMES, [0, 1, 2], None)
    assert load_network(tiny_faster_rcnn, None, NAMES, first=1).columns == [1, 2, 3]


def test_without_names_the_classes_are_cocos() -> None:
    loaded = load_network(tiny_retinanet, None, None, first=0)
    assert loaded.class_names == list(COCO_CLASSES) and loaded.columns == list(range(80))
    assert (COCO_CLASSES[0], COCO_CLASSES[79]) == ("person", "toothbrush")


def test_names_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "my.names").write_text("cat\ndog\n\n", encoding="utf-8")
    assert load_network(tiny_retinanet, None, tmp_path / "my.names", first=0).class_names == ["cat", "dog"]


@pytest.mark.parametrize(("build", "first"), [(tiny_retinanet, 0), (tiny_faster_rcnn, 1)])
def test_background_and_unused_outputs_are_no_classes(build: Callable[..., nn.Module], first: int) -> None:
    loaded = load_network(build, None, ["__background__", "cat", "N/A", "dog"], first)
    assert loaded.class_names == ["cat", "dog"] and loaded.columns == [first, first + 1]


# ---------------------------------------------------------------- a state dict


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("whole", [False, True])
def test_takes_the_state_of_the_network_and_of_the_detector(tmp_path: Path, suffix: str, whole: bool) -> None:
    source = RetinaNet(tiny_retinanet, None, NAMES)
    calibrated(source)
    path = state_file(source if whole else source.network, tmp_path / f"my{suffix}")
    loaded = RetinaNet(tiny_retinanet, path, NAMES)
    assert same(source, loaded) and loaded.provenance == GIVEN_WEIGHTS
    assert loaded.fingerprint() == source.fingerprint()


def test_a_file_tells_what_its_weights_have_seen(tmp_path: Path) -> None:
    network = tiny_retinanet(num_classes=3)
    save_file(network.state_dict(), tmp_path / "my.safetensors", metadata={"data_access": "real images"})
    assert load_network(tiny_retinanet, tmp_path / "my.safetensors", NAMES, 0).provenance == REAL_IMAGES


@pytest.mark.parametrize(
    ("build", "first", "outputs", "columns"),
    [
        (tiny_retinanet, 0, 3, [0, 1, 2]),
        (tiny_retinanet, 0, 4, [1, 2, 3]),  # one for a background that no image shows
        (tiny_retinanet, 0, 91, COCO_NUMBERS),
        (tiny_faster_rcnn, 1, 4, [1, 2, 3]),
        (tiny_faster_rcnn, 1, 91, COCO_NUMBERS),
    ],
)
def test_finds_the_output_of_each_class(
    tmp_path: Path, build: Callable[..., nn.Module], first: int, outputs: int, columns: list[int]
) -> None:
    source = build(num_classes=outputs)
    loaded = load_network(build, state_file(source, tmp_path / "my.pt"), NAMES, first)
    assert loaded.columns == columns and loaded.class_names == NAMES and same(source, loaded.network)


@pytest.mark.parametrize(
    ("build", "first", "outputs", "columns"),
    [
        (tiny_retinanet, 0, 5, [1, 2, 4]),
        (tiny_retinanet, 0, 4, [0, 1, 3]),
        (tiny_faster_rcnn, 1, 5, [1, 2, 4]),
        (tiny_retinanet, 0, 91, COCO_NUMBERS),
    ],
)
def test_a_list_of_outputs_gives_the_output_of_each_class(
    tmp_path: Path, build: Callable[..., nn.Module], first: int, outputs: int, columns: list[int]
) -> None:
    path = state_file(build(num_classes=outputs), tmp_path / "my.pt")
    loaded = load_network(build, path, ["__background__", "cat", "dog", "N/A", "cup"], first)
    assert loaded.columns == columns and loaded.class_names == NAMES


def test_torchvisions_own_list_of_outputs(tmp_path: Path) -> None:
    path, listed = state_file(tiny_retinanet(num_classes=91), tmp_path / "my.pt"), list(COCO)
    (tmp_path / "coco.names").write_text("\n".join(listed), encoding="utf-8")
    loaded = load_network(tiny_retinanet, path, tmp_path / "coco.names", first=0)
    assert loaded.class_names == list(COCO_CLASSES)
    assert [listed[column] for column in loaded.columns] == loaded.class_names


def test_names_that_the_file_states_are_required(tmp_path: Path) -> None:
    file, state = tmp_path / "my.safetensors", tiny_retinanet(num_classes=3).state_dict()
    save_file(state, file, metadata={"class_names": '["cat", "dog", "cup"]'})
    assert load_network(tiny_retinanet, file, NAMES, first=0).class_names == NAMES
    with pytest.raises(ValueError, match=r"^names: class 0 is 'cat' in .*my.safetensors, not 'dog'"):
        load_network(tiny_retinanet, file, ["dog", "cat", "cup"], first=0)
    assert load_network(tiny_retinanet, file, ["cow", "hen", "pig"], 0, fitting=True).class_names[0] == "cow"


@pytest.mark.parametrize("name", ["my.pt", "my.safetensors"])
@pytest.mark.parametrize("fitting", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("part", "value"), [("running_var", -1.0), ("running_mean", float("nan"))])
def test_weights_that_compute_nothing(
    tmp_path: Path, name: str, fitting: bool, frozen: bool, part: str, value: float
) -> None:
    network = tiny_retinanet(num_classes=3)
    if frozen:
        freeze_norms(network)
    tensor = next(key for key in network.state_dict() if key.endswith(part))
    network.state_dict()[tensor][1] = value
    with pytest.raises(
        ConfigError, match=rf"{name}: found .*(NaN|negative variance -1) in {tensor}; expected a trained"
    ):
        load_network(tiny_retinanet, state_file(network, tmp_path / name), NAMES, 0, fitting=fitting)


def test_darknets_files_are_of_no_known_suffix(tmp_path: Path) -> None:
    (tmp_path / "my.weights").write_bytes(bytes(100))
    with pytest.raises(
        ConfigError, match="the suffix .weights, which is not known; expected .* .safetensors, .pt, .pth"
    ):
        load_network(tiny_retinanet, tmp_path / "my.weights", NAMES, first=0)


@torch.no_grad()
def test_detector_says_the_logits_of_its_own_classes(tmp_path: Path) -> None:
    path = state_file(tiny_retinanet(num_classes=91), tmp_path / "my.pt")
    detector = RetinaNet(tiny_retinanet, path, NAMES).eval()
    outputs = detector(torch.rand(1, 3, 64, 64))
    every = torch.cat(outputs.heads, dim=1)[..., 4:]
    assert every.shape[2] == 91
    torch.testing.assert_close(detector.class_logits(outputs), every[..., COCO_NUMBERS])


@pytest.mark.parametrize(("kind", "build"), [(RetinaNet, tiny_retinanet), (FasterRCNN, tiny_faster_rcnn)])
@torch.no_grad()
def test_weights_of_frozen_norm_layers_freeze_ours(
    tmp_path: Path, kind: type[Detector], build: Callable[..., nn.Module]
) -> None:
    source = kind(build, None, NAMES).eval()
    calibrated(source)
    images = torch.rand(1, 3, 64, 64)
    expected = source(images)
    freeze_norms(source)
    path = state_file(source, tmp_path / "my.pt")
    loaded = kind(build, path, NAMES).train()
    layers = loaded.norm_layers()
    assert len(layers) == 11 and all(isinstance(layer, FrozenBatchNorm2d) for layer in layers)
    assert same(source, loaded)
    torch.testing.assert_close(loaded(images).features, expected.features)


@pytest.mark.parametrize("outputs", [2, 5, 90])
def test_another_number_of_classes_is_an_error(tmp_path: Path, outputs: int) -> None:
    path = state_file(tiny_retinanet(num_classes=outputs), tmp_path / "my.pt")
    with pytest.raises(ConfigError) as error:
        load_network(tiny_retinanet, path, NAMES, first=0)
    said = f"cls_logits.bias: copying a param with shape torch.Size([{9 * outputs}]) from checkpoint"
    assert str(path) in str(error.value) and "than the 3 of names" in str(error.value) and said in str(error.value)


def test_names_that_coco_lacks_have_no_outputs_among_cocos(tmp_path: Path) -> None:
    path = state_file(tiny_retinanet(num_classes=91), tmp_path / "my.pt")
    with pytest.raises(ConfigError, match="than the 2 of names"):
        load_network(tiny_retinanet, path, ["cat", "gear"], first=0)


def test_another_networks_weights_are_an_error(tmp_path: Path) -> None:
    path = state_file(nn.Conv2d(3, 8, 3), tmp_path / "my.pt")
    with pytest.raises(ConfigError, match=r"\.weight is missing; .*; and \d+ more"):
        load_network(tiny_retinanet, path, NAMES, first=0)


def test_takes_the_names_of_older_versions_of_torchvision(tmp_path: Path) -> None:
    source = tiny_faster_rcnn(num_classes=4)
    state = {key.replace("rpn.head.conv.0.0.", "rpn.head.conv."): value for key, value in source.state_dict().items()}
    assert state.keys() != source.state_dict().keys()
    torch.save(state, tmp_path / "old.pt")
    assert same(source, load_network(tiny_faster_rcnn, tmp_path / "old.pt", NAMES, first=1).network)


@pytest.mark.parametrize("partial", [False, True])
def test_integers_are_refused(tmp_path: Path, partial: bool) -> None:
    state = tiny_retinanet(num_classes=3).state_dict()
    name = next(name for name, value in state.items() if value.dim() == 4)
    torch.save({**state, name: state[name].to(torch.int8)}, tmp_path / "a.pt")
    with pytest.raises(ConfigError, match=f"a.pt: found int8 in {name}; expected floating point"):
        RetinaNet(tiny_retinanet, tmp_path / "a.pt", NAMES, partial=partial)
