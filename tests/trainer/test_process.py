import subprocess

import pytest
from torch.multiprocessing import spawn
from torch.multiprocessing.spawn import ProcessRaisedException

from diode_pl.trainer import errors_of_processes


def fail(rank: int, kind: str) -> None:
    try:
        raise KeyError("an earlier one")
    except KeyError:
        if kind == "built in":
            raise ValueError("resolution: 33\nmust be a multiple of 32") from None
        raise subprocess.SubprocessError("of a library") from None


def test_an_error_of_a_process_is_raised_as_it_was_there() -> None:
    with pytest.raises(ValueError, match=r"^resolution: 33\nmust be a multiple of 32$"), errors_of_processes():
        spawn(fail, ("built in",))


def test_an_error_of_another_kind_keeps_its_traceback() -> None:
    with pytest.raises(ProcessRaisedException, match="of a library"), errors_of_processes():
        spawn(fail, ("library",))


def test_an_error_of_this_process_goes_through() -> None:
    with pytest.raises(OSError, match="full"), errors_of_processes():
        raise OSError("full")
