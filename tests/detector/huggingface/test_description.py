"""Networks in plain data."""

import json
from pathlib import Path
from typing import Any

import pytest

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.description import list_classes, read_description, with_classes
from tests.detector.huggingface.small_networks import description

GAPS = {"0": "N/A", "1": "person", "2": "bicycle", "12": "N/A", "13": "stop sign"}


def test_a_name_a_folder_a_file_and_its_content_say_the_same(tmp_path: Path) -> None:
    asked = description("rt_detr")
    (tmp_path / "config.json").write_text(json.dumps(asked))
    found = read_description(asked)
    assert found == read_description(tmp_path) == read_description(tmp_path / "config.json")
    assert read_description("rtdetr_r18")["backbone_config"]["depths"] == [2, 2, 2, 2]


def test_denoising_downloads_and_code_are_left_out() -> None:
    asked = description("d_fine", num_denoising=100, anchor_image_size=[640, 640], auto_map={"AutoModel": "x.Y"})
    asked |= {"dtype": "float16", "use_pretrained_backbone": True, "quantization_config": {}}
    found = read_description(asked)
    assert found["num_denoising"] == 0 and found["anchor_image_size"] is None
    assert not found.keys() & {"auto_map", "dtype", "use_pretrained_backbone", "quantization_config"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "yolo11n.yaml",
            r"yolo11n.yaml is not here; expected a folder with config.json .*hf download NAME --local-dir",
        ),
        ("PekingU/rtdetr_r18vd", "is not here; .*nothing is downloaded here.* or for random weights one of rtdetr_r18"),
        ({"model_type": "bert"}, "the network is of the family 'bert'; expected one of rt_detr, rt_detr_v2, d_fine"),
        ({"d_model": 16}, "is not a configuration of a network .KeyError"),
    ],
)
def test_what_is_no_network(asked: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_description(asked)


def test_folders_and_files_that_hold_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder without config.json"):
        read_description(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="config.json is no JSON"):
        read_description(tmp_path)


def test_gaps_in_the_numbers_of_classes_are_no_classes() -> None:
    found = list_classes({"id2label": GAPS})
    assert found == (["person", "bicycle", "stop sign"], [1, 2, 13])
    assert list_classes({}).names == ["LABEL_0", "LABEL_1"]


def test_other_names_keep_the_outputs_if_there_are_as_many() -> None:
    renamed = with_classes({"id2label": GAPS}, ["Person", "bike", "stop"])
    assert list_classes(renamed) == (["Person", "bike", "stop"], [1, 2, 13]) and renamed["id2label"]["12"] == "N/A"
    assert list_classes(with_classes({"id2label": GAPS}, ["a", "b"])) == (["a", "b"], [0, 1])
