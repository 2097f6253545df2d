"""What the tests of all detectors (tests/detector/catalog) leave open."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diode_pl.detector import HuggingFace
from diode_pl.distillation.losses import Mimic
from tests.detector.detectors import small, some_images, some_targets
from tests.detector.huggingface.small_networks import description, need_package, tiny, write_folder


def test_no_box_ends_before_it_begins_and_its_gradient_stays() -> None:
    detector = small("d_fine")
    outputs = detector(some_images())
    rows = outputs.heads[-1].detach().clone()
    rows[..., -2:] = -0.5
    boxes = detector.decode(replace(outputs, heads=(*outputs.heads[:-1], rows.requires_grad_()))).boxes
    assert torch.equal(boxes[..., :2], boxes[..., 2:])
    boxes[..., 2:].square().sum().backward()
    assert rows.grad is not None and bool(rows.grad[..., -2:].all())


def test_every_layer_of_the_decoder_is_a_stage() -> None:
    for name, stages in (("rt_detr", 3), ("d_fine", 4), ("detr", 2), ("yolos", 1)):
        detector = small(name)
        outputs = detector(some_images())
        found = detector.decode_stages(outputs, some_targets())
        assert len(found) == stages and torch.equal(found[-1].boxes, detector.decode(outputs).boxes)
        assert all(each.cells is None for each in found)


def test_queries_that_the_image_orders_are_not_compared_row_by_row() -> None:
    with pytest.raises(
        ValueError, match="student and losses: raw heads compare row by row, .* of rt_detr; take Decoded"
    ):
        Mimic().prepare(small("rt_detr"), small("rt_detr"), 64)
    Mimic().prepare(small("detr"), small("detr"), 64)


def test_metadata_are_plain_and_only_of_the_class_itself() -> None:
    stated = json.loads(small("detr").weights_metadata()["architecture"])
    assert stated["class"] == "HuggingFace" and stated["frozen_norms"] is False
    assert stated["network"]["model_type"] == "detr" and stated["normalization"][0] == [0.485, 0.456, 0.406]

    class Own(HuggingFace):
        pass

    assert Own(model=description("yolos"), names=["cat"]).weights_metadata() == {}


def test_the_smallest_image_has_a_cell_for_each_query() -> None:
    need_package()
    assert tiny(None, None, num_queries=20).smallest == 32 and tiny(None, None, num_queries=21).smallest == 48
    assert small("yolos").smallest == 16 and small("detr").smallest == 32


def test_statistics_of_frozen_norms_count_less_the_deeper_they_are(tmp_path: Path) -> None:
    write_folder(tmp_path)
    detector = HuggingFace(model=tmp_path)
    shares = detector.norm_shares()
    assert len(shares) == len(detector.norm_layers()) == 36
    assert shares[:12] == pytest.approx([1 - i / 12 for i in range(12)]) and shares[12:] == [1.0] * 24
    assert HuggingFace(model=tmp_path, frozen_norms=False).norm_shares() == small("rt_detr").norm_shares() == [1.0] * 36


def test_a_network_with_a_backbone_of_timm() -> None:
    pytest.importorskip("timm", reason="needs the package timm: make setup")
    changes = {"use_timm_backbone": True, "backbone": "resnet18", "use_pretrained_backbone": True}
    detector = tiny(None, None, "detr", backbone_config=None, **changes).eval()
    found = detector.decode(detector(some_images()))
    assert found.boxes.shape == (2, 24, 4) and detector.backbone_norm_layers == 20
