"""The entry points as people type them, run in this process, which has imported everything already."""

import io
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "torchvision", "pytorch_lightning", "matplotlib", "torchmetrics"}
# For what needs a process of its own. Sums are split by threads, and with them the last bits of every number.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}


def run_main(script: ModuleType, *overrides: object, cwd: Path | None = None) -> None:
    """Runs ``python SCRIPT.py OVERRIDES``; logging is afterwards as it was.

    Args:
        script: ``synthesize`` or ``train``.
        overrides: words of the command line.
        cwd: folder to run in; None: the present one.
    """
    handlers, level = logging.root.handlers[:], logging.root.level
    with pytest.MonkeyPatch.context() as patch:
        # An imported script does not find its configuration by itself.
        patch.setattr(sys, "argv", [f"{script.__name__}.py", f"--config-path={ROOT / 'conf'}", *map(str, overrides)])
        if cwd is not None:
            patch.chdir(cwd)
        try:
            script.main()
        finally:
            logging.root.handlers[:], logging.root.level = handlers, level


def run_failing(script: ModuleType, *overrides: object, cwd: Path | None = None) -> str:
    """The same of a command that exits with an error; returns what the terminal shows."""
    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(shown), pytest.raises(SystemExit) as error:
        run_main(script, *overrides, cwd=cwd)
    assert error.value.code, "an exit status of 0"
    return f"{shown.getvalue()}{error.value.code}"


def show_help(name: str) -> str:
    """What ``python NAME.py --help`` prints, in a process of its own, which imports nothing that takes time."""
    check = f"import atexit, runpy, sys; sys.argv = ['{name}.py', '--help']; "
    check += f"atexit.register(lambda: print('imported', *{HEAVY} & sys.modules.keys())); "  # --help exits
    check += f"runpy.run_path('{name}.py', run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    shown, imported = run.stdout.rsplit("imported", 1)
    assert not imported.strip(), f"--help waits for {imported.strip()}"
    return shown
