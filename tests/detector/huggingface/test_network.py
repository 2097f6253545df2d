"""Networks of the package, and folders that it opens."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.description import read_description
from diode_pl.detector.huggingface.network import build_network, set_norms, to_package_folder
from tests.detector.huggingface.small_networks import TINY, description, need_package, write_folder

PLAIN = ([0.0] * 3, [1.0] * 3)


@pytest.mark.parametrize("family", ["rt_detr", "d_fine"])
def test_norms_begin_at_one_and_constants_are_no_weights(family: str) -> None:
    network = build_network(need_package(), read_description(description(family)))
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms and all(bool((layer.weight == 1).all()) for layer in norms)
    assert all(parameter.requires_grad for parameter in network.parameters())
    if family == "d_fine":
        assert {"model.decoder.up", "model.decoder.reg_scale"} <= {name for name, _ in network.named_buffers()}


def test_queries_of_yolos_begin_unlike() -> None:
    network = build_network(need_package(), read_description(description("yolos")))
    tokens = network.vit.embeddings.detection_tokens[0]
    assert len(tokens.unique(dim=0)) == len(tokens) and 0.01 < tokens.std() < 0.03


def test_what_the_package_cannot_build() -> None:
    asked = read_description(description("rt_detr", d_model=15))
    with pytest.raises(ConfigError, match=r"model: transformers \d+\.\d+\.\d+ cannot build it: ") as error:
        build_network(need_package(), asked)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("family", "was"), [("rt_detr", True), ("rt_detr", False), ("detr", True), ("yolos", False)])
@pytest.mark.parametrize("wanted", [None, True, False])
def test_norms_of_the_backbone_are_frozen_or_learn(family: str, was: bool, wanted: bool | None, tmp_path: Path) -> None:
    more = {"freeze_backbone_batch_norms": was} if family == "rt_detr" else {}
    network, images = write_folder(tmp_path, family, **more), torch.rand(1, 3, 64, 64)
    before, state = network(images).logits, network.state_dict()
    frozen = set_norms(network, wanted)
    assert frozen == (family != "yolos" and (was if wanted is None else wanted))
    kinds = {type(layer) for layer in network.modules() if hasattr(layer, "running_var")}
    assert (FrozenBatchNorm2d in kinds) == frozen and kinds <= {FrozenBatchNorm2d, nn.BatchNorm2d}
    torch.testing.assert_close(network.eval()(images).logits, before)
    counters = {name for name in {*state} ^ {*network.state_dict()} if not name.endswith("num_batches_tracked")}
    assert not counters, "the same names, so that the package opens what is saved"


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("family", TINY)
def test_the_package_opens_the_folder_and_computes_the_same(family: str, frozen: bool, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    network = write_folder(tmp_path / "before", family)
    set_norms(network, frozen)
    for name, content in to_package_folder(need_package(), network, 64, PLAIN).items():
        (tmp_path / name).write_bytes(content)
    again, report = AutoModelForObjectDetection.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    given = AutoImageProcessor.from_pretrained(tmp_path)(list(images), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(given, images / 255)
    for key in ("logits", "pred_boxes"):
        torch.testing.assert_close(again.eval()(given)[key], network.eval()(given)[key])
    assert again.config.id2label == {0: "cat", 1: "dog", 2: "cup"}
