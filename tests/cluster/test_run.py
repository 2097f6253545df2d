"""The script that tests a real SLURM, where there is none."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("script", ["run.sh", "slurm.sh"])
def test_bash_can_read_it(script: str) -> None:
    subprocess.run(["bash", "-n", HERE / script], check=True)


def test_it_is_skipped_without_slurm(tmp_path: Path) -> None:
    skipped = subprocess.run(
        [HERE / "run.sh"], env={"SLURM_DAEMONS": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert skipped.returncode == 0 and skipped.stdout == "skipped: there is no munged; --install installs it\n"
