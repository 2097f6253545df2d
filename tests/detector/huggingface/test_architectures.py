"""Names of networks."""

import pytest
import torch

from diode_pl.detector.huggingface.architectures import list_architectures
from diode_pl.detector.huggingface.description import FAMILIES, read_description
from diode_pl.detector.huggingface.network import make_config
from tests.detector.huggingface.small_networks import need_package

# Parameters in millions, as published, with COCO's classes.
SIZES = {"rtdetr_r18": 20, "rtdetr_r50": 42, "rtdetr_v2_r34": 31, "rtdetr_r101": 76, "detr_r50": 41}
SIZES |= {
    "dfine_n": 4,
    "dfine_s": 10,
    "dfine_m": 19,
    "dfine_l": 31,
    "dfine_x": 62,
    "yolos_tiny": 6.5,
    "yolos_small": 30,
}


def test_every_family_has_names() -> None:
    assert {each["model_type"] for each in list_architectures().values()} == set(FAMILIES)
    assert SIZES.keys() <= list_architectures().keys()


@pytest.mark.parametrize("name", SIZES)
def test_networks_have_their_published_size(name: str) -> None:
    package = need_package()
    labels = {str(i): f"class {i}" for i in range(80)}
    with torch.device("meta"):
        network = package.from_config(make_config(package, read_description(name) | {"id2label": labels}))
    assert sum(value.numel() for value in network.parameters()) / 1e6 == pytest.approx(SIZES[name], rel=0.12)
