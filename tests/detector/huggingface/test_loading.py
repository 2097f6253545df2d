"""Weights and names come from a folder, a file of ours, or nowhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from diode_pl.detector import HuggingFace, load_weights_file
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.loading import brings_names
from diode_pl.provenance import GIVEN_WEIGHTS
from diode_pl.report import save_weights
from tests.detector.detectors import darknet, small, some_images
from tests.detector.huggingface.small_networks import NAMES, TINY, description, need_package, tiny, write_folder


@pytest.mark.parametrize("family", TINY)
def test_a_folder_of_the_package_is_a_whole_detector(family: str, tmp_path: Path) -> None:
    network = write_folder(tmp_path, family)
    detector, images = HuggingFace(model=tmp_path).eval(), some_images()
    assert detector.class_names == NAMES and detector.provenance == GIVEN_WEIGHTS
    mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in detector._normalization)
    own, outputs = network((images - mean) / std), detector(images)
    torch.testing.assert_close(outputs.heads[-1], torch.cat([own.logits, own.pred_boxes], dim=2))
    assert HuggingFace(tmp_path).fingerprint() == detector.fingerprint(), "as weights, too"


def test_scores_and_boxes_are_those_of_the_package(tmp_path: Path) -> None:
    need_package()
    from transformers import DetrImageProcessor, RTDetrImageProcessor

    for family, processor in (("rt_detr", RTDetrImageProcessor()), ("detr", DetrImageProcessor())):
        network, images = write_folder(tmp_path / family, family), some_images(1)
        (tmp_path / family / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
        detector = HuggingFace(model=tmp_path / family).eval()
        (own,) = processor.post_process_object_detection(network(images), threshold=0.0, target_sizes=[(1, 1)])
        (found,) = detector.predict(detector(images), 0.0, 1.0, 10**6)
        best = int(own["scores"].argmax())
        torch.testing.assert_close(found.scores[0], own["scores"][best])
        torch.testing.assert_close(found.boxes[0], own["boxes"][best].clamp(0, 1))
        assert found.labels[0] == own["labels"][best]


def test_gaps_of_coco_are_no_classes(tmp_path: Path) -> None:
    for family in ("rt_detr", "detr"):
        network, images = write_folder(tmp_path / family, family, ["N/A", "cat", "N/A", "dog"]), some_images()
        detector = HuggingFace(model=tmp_path / family).eval()
        assert detector.class_names == ("cat", "dog")
        outputs = detector(images)
        assert torch.equal(detector.class_logits(outputs), outputs.heads[-1][..., [1, 3]])
        found = detector.decode(outputs)
        logits = outputs.heads[-1][..., :-4]
        wanted = logits.softmax(dim=2) if family == "detr" else logits.sigmoid()
        torch.testing.assert_close(found.objectness[..., None] * found.classes, wanted[..., [1, 3]])
        save_weights(detector, tmp_path / "a.safetensors")
        assert load_weights_file(tmp_path / "a.safetensors").columns.tolist() == [1, 3]
        assert len(network.config.id2label) == 4


@pytest.mark.parametrize(
    ("stated", "mean", "std"),
    [
        ({"do_normalize": False}, [0.0] * 3, [1.0] * 3),
        ({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}, [0.5] * 3, [0.25] * 3),
        ({"do_normalize": False, "do_rescale": False}, [0.0] * 3, [1 / 255] * 3),
        ({"do_normalize": False, "rescale_factor": 1 / 127.5}, [0.0] * 3, [0.5] * 3),
    ],
)
def test_pixels_are_normalized_as_the_folder_says(stated: Any, mean: Any, std: Any, tmp_path: Path) -> None:
    write_folder(tmp_path, "yolos")
    assert HuggingFace(model=tmp_path)._normalization[0] == [0.485, 0.456, 0.406]
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(stated))
    found = HuggingFace(model=tmp_path)._normalization
    assert found[0] == pytest.approx(mean) and found[1] == pytest.approx(std)
    assert HuggingFace(model=tmp_path, normalization=([0.1] * 3, [0.2] * 3))._normalization == ([0.1] * 3, [0.2] * 3)
    (tmp_path / "preprocessor_config.json").write_text("[")
    with pytest.raises(ConfigError, match="preprocessor_config.json says nothing of pixels that is known"):
        HuggingFace(model=tmp_path)


def test_names_and_partial_weights(tmp_path: Path) -> None:
    network = write_folder(tmp_path)
    assert HuggingFace(model=tmp_path, names=["Cat", "dog", "cup"]).class_names == ("Cat", "dog", "cup")
    with pytest.raises(ValueError, match="names: class 1 is 'dog' in .*, not 'cow'"):
        HuggingFace(model=tmp_path, names=["cat", "cow", "cup"])
    other = HuggingFace(model=tmp_path, names=["a", "b", "c", "d"], partial=True)
    assert str(other.provenance) == f"weights from {tmp_path.name}" and len(other.class_names) == 4
    key = "model.encoder.lateral_convs.0.conv.weight"
    assert torch.equal(other.network.state_dict()[key], network.state_dict()[key])
    assert other.decode(other.eval()(some_images())).classes.shape[2] == 4


def test_a_file_of_ours_rebuilds_itself(tmp_path: Path) -> None:
    detector, path = small("rt_detr"), tmp_path / "student.safetensors"
    save_weights(detector, path)
    for again in (load_weights_file(path), HuggingFace(path), load_weights_file(path, ["cat", "dog", "cup"])):
        assert isinstance(again, HuggingFace) and again.fingerprint() == detector.fingerprint()
        assert again.class_names == NAMES and again.weights_metadata() == detector.weights_metadata()
    assert load_weights_file(path, ["x"], partial=True).class_names == ("x",)


def test_a_frozen_detector_comes_back_frozen(tmp_path: Path) -> None:
    write_folder(tmp_path)
    detector = HuggingFace(model=tmp_path)
    save_weights(detector, tmp_path / "a.safetensors")
    again = load_weights_file(tmp_path / "a.safetensors")
    assert again.fingerprint() == detector.fingerprint()
    assert [type(layer) for layer in again.norm_layers()] == [type(layer) for layer in detector.norm_layers()]


def test_files_and_folders_of_others(tmp_path: Path) -> None:
    save_weights(darknet(None, None), tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="states the architecture of Darknet; detector=file takes it"):
        HuggingFace(tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="b.safetensors does not exist; expected a folder or a .safetensors file"):
        HuggingFace(tmp_path / "b.safetensors")
    with pytest.raises(ConfigError, match="model: expected a folder of transformers or a network such as rtdetr_r18"):
        HuggingFace()
    write_folder(tmp_path / "c")
    (tmp_path / "c/model.safetensors").rename(tmp_path / "c/pytorch_model.bin")
    with pytest.raises(ConfigError, match="has pytorch_model.bin, a pickle, .* expected model.safetensors"):
        HuggingFace(model=tmp_path / "c")
    write_folder(tmp_path / "d")
    (tmp_path / "d/config.json").write_text(json.dumps(description("rt_detr", decoder_layers=3)))
    with pytest.raises(
        ConfigError, match=r"tensors of the network that config.json describes are missing .*, the first"
    ):
        HuggingFace(model=tmp_path / "d", names=["LABEL_0", "LABEL_1"])


def test_damaged_weights(tmp_path: Path) -> None:
    network = write_folder(tmp_path)
    network.model.enc_score_head.bias.data[0] = torch.nan
    network.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="NaN in model.enc_score_head.bias"):
        HuggingFace(model=tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="cannot be opened: ") as error:
        HuggingFace(model=tmp_path)
    assert "\n" not in str(error.value)


def test_which_arguments_bring_names(tmp_path: Path) -> None:
    assert brings_names(None, tmp_path) and brings_names(tmp_path, None) and brings_names(None, "PekingU/rtdetr_r18vd")
    assert not brings_names(None, "small.json") and not brings_names(None, None)
    assert not brings_names(None, "rtdetr_r18") and not brings_names(None, description("detr"))
    assert tiny(None, None).provenance is None
