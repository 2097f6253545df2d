"""What happens where the package is absent, or comes in."""

import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from diode_pl.detector import Ultralytics
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.package import load_package
from tests.detector.ultralytics.small_networks import need_package


def test_an_absent_package_is_named_in_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ultralytics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(ConfigError) as error:
        Ultralytics(model="yolo11n.yaml")
    assert "pip install 'ultralytics>=8.4'" in str(error.value) and "AGPL-3.0" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_old_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package()
    monkeypatch.setattr("ultralytics.__version__", "8.3.40")
    with pytest.raises(ConfigError, match=r"found .* 8\.3\.40; expected 8\.4 or newer: pip install -U ultralytics"):
        load_package()


def test_the_import_leaves_no_trace_and_keeps_the_package_off_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package()
    for name in [name for name in sys.modules if name.partition(".")[0] == "ultralytics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, printed, functions = dict(os.environ), np.get_printoptions(), (Image.open, torch.save)
    package = load_package()
    assert dict(os.environ) == before and np.get_printoptions() == printed
    assert functions == (Image.open, torch.save)
    from ultralytics.utils import AUTOINSTALL, ONLINE

    assert not ONLINE and not AUTOINSTALL
    assert {"Conv", "Detect", "C2f"} <= package.layers.keys() and package.settings.box > 0
