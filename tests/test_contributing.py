"""A loss is added as CONTRIBUTING.md says: a file, a YAML, one line, and nothing else."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from diode_pl.cli import help as cli_help
from diode_pl.synthesis import losses
from diode_pl.synthesis.loss_weighting import GradientShares
from tests.tiny import tiny_step
from tests.tiny_network import write_tiny_network

ROOT = Path(__file__).resolve().parents[1]
FILE, YAML = "diode_pl/synthesis/losses/<noun>.py", "conf/losses/<noun>.yaml"
CODE = """
from diode_pl.synthesis.losses.base import Loss

class Redness(Loss):
    def __init__(self, weight: float = 1.0, channel: int = 0) -> None:
        super().__init__(weight)
        self.channel = channel

    def __call__(self, step):
        return step.images[:, self.channel].mean()
"""
ENTRY = """# How red images are.
redness: {_target_: diode_pl.synthesis.losses.Redness, weight: 0.5, channel: 0}
"""


def test_the_page_names_the_two_files() -> None:
    (row,) = [line for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if line.startswith("| a loss ")]
    assert FILE in row and YAML in row and "losses=[shares,<noun>]" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``conf/`` with the YAML of a new loss, whose class the package exports."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / YAML.replace("<noun>", "redness")).write_text(ENTRY)
    path = tmp_path / "redness.py"
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("diode_pl.synthesis.losses.redness", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, spec.name, module)
    monkeypatch.setattr(losses, "Redness", module.Redness, raising=False)  # the line in __init__.py
    return tmp_path / "conf"


def test_a_new_loss_is_one_of_a_run(conf: Path, tmp_path: Path) -> None:
    overrides = [*write_tiny_network(tmp_path), "detector@verifier=none", "losses=[shares,redness]"]
    with initialize_config_dir(str(conf), version_base="1.3"):
        config = compose("synthesize", overrides=[*overrides, "losses.redness.channel=2"])
    inversion = instantiate(config.inversion, _convert_="object")
    loss = inversion.objective.losses["redness"]
    step = tiny_step(torch.rand(2, 3, 8, 8))
    assert loss.weight == 0.5 and loss(step) == step.images[:, 2].mean()
    assert isinstance(inversion.objective.weighting, GradientShares) and len(inversion.objective.losses) == 7


def test_help_names_a_new_loss(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_help, "_CONF", conf)
    assert "redness" in cli_help.option_names("losses")
    assert cli_help.describe_option("losses", "redness") == "How red images are."
