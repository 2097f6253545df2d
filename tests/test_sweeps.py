"""The commands of docs/sweeps.md as people copy them, on a tiny detector."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.command_line import ENVIRONMENT, ROOT
from tests.tiny_network import write_tiny_network

TINY = ["num_images=2", "batch_size=2", "budget=0.01", "schedule.stages.0.resolution=32"]
TINY += ["trainer.accelerator=cpu", "logger=none"]


def command(heading: str) -> list[str]:
    """The words of the command of ``synthesize.py`` below a heading of the page."""
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8").split(f"## {heading}")[1]
    shell = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)[0].replace("\\\n", " ")
    (line,) = [line for line in shell.splitlines() if line.startswith("python synthesize.py")]
    return shlex.split(line)[2:]


def run(words: list[str], folder: Path) -> None:
    """Runs it in a process of its own; the plugins start others, which import the main module."""
    (folder / "runs").mkdir(exist_ok=True)
    words = [*words, *write_tiny_network(folder / "tiny"), *TINY]
    made = subprocess.run(
        [sys.executable, str(ROOT / "synthesize.py"), *words],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr[-3000:]


def test_joblib_runs_several_jobs_at_a_time(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    run(command("Several at a time on this machine: joblib"), tmp_path)
    jobs = sorted(path.parent.name for path in (tmp_path / "runs/seeds").glob("*/dataset.json"))
    assert jobs == ["seed=0", "seed=1", "seed=2"]


def test_optuna_searches_and_the_same_command_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    words = [word.replace("n_trials=20", "n_trials=2") for word in command("A search: Optuna")]
    for count in (2, 4):
        run(words, tmp_path)
        found = yaml.safe_load((tmp_path / "runs/search/optimization_results.yaml").read_text())
        assert set(found["best_params"]) == {"losses.batch_norm.weight"} and found["best_value"] >= 0
        sets = [json.loads(path.read_text()) for path in (tmp_path / "runs/search").glob("*/dataset.json")]
        assert len(sets) == count
        assert found["best_value"] == pytest.approx(max(each["scores"]["teacher_map50"] for each in sets), abs=1e-4)


def test_submitit_runs_jobs_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    run(command("A cluster: submitit"), tmp_path)
    assert len(list((tmp_path / "runs/cluster").glob("*/dataset.json"))) == 2
