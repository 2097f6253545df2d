"""The network of small_network.py."""

from pathlib import Path

import pytest

from diode_pl.detector import Darknet
from tests.detector.darknet.small_network import NAMES, write_network


@pytest.fixture
def small(tmp_path: Path) -> Darknet:
    return Darknet(*write_network(tmp_path), NAMES)
