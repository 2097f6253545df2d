"""Errors of jobs are one line each, wherever a job ran."""

import pickle
import subprocess
import sys

import pytest
from hydra.core.utils import JobReturn, JobStatus

from diode_pl.cli.sweep_errors import JobError, identify_terminal, without_hydras_line


def test_an_error_keeps_its_message_and_its_terminal_on_the_way() -> None:
    error = pickle.loads(pickle.dumps(JobError("no", identify_terminal())))
    assert error.message == "no" and error.was_shown_here
    assert not JobError("no").was_shown_here and not JobError("no", (0, 0)).was_shown_here


def test_a_process_without_a_terminal() -> None:
    code = "from diode_pl.cli.sweep_errors import JobError, identify_terminal as at; import os; os.close(2)\n"
    code += "assert at() is None and not JobError('no', at()).was_shown_here"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hydra_adds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    failed = JobReturn(overrides=["seed=1"], status=JobStatus.FAILED)
    failed.return_value = JobError("no")
    with pytest.raises(JobError), without_hydras_line():
        print("error: no", file=sys.stderr)
        assert not sys.stderr.isatty()
        _ = failed.return_value
    assert capsys.readouterr().err == "error: no\n"
    with pytest.raises(JobError):  # and so it would without
        _ = failed.return_value
    assert capsys.readouterr().err.startswith("Error executing job")
