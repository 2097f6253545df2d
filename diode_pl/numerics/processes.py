"""Per-process setup (quiet libraries, malloc) and errors of spawned processes."""

import ctypes
import logging
import multiprocessing
import os
import platform
import re
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from diode_pl.numerics.termination import EXIT_CODE, GRACE

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # numbers of mallopt's options, from malloc.h
# How gloo and NCCL say that another process is gone.
_PEER_GONE = re.compile(r"closed by peer|reset by peer|Connection refused|remote process exited|ncclRemoteError")
_REPORTED = {kind.__name__: kind for kind in (ValueError, OSError, FloatingPointError)}


def prepare_process() -> None:
    """Configures malloc, and silences warnings of libraries about intended behavior."""
    keep_freed_memory()
    # Optimizers come with the stages, and the teacher stays in eval mode.
    for message in ("`LightningModule.configure_optimizers` returned", "Found .* in eval mode", ".*treespec"):
        warnings.filterwarnings("ignore", message)
    # Pillow warns of pictures that are within our limits.
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")
    # A machine with SLURM runs commands outside of jobs, too.
    warnings.filterwarnings("ignore", "The `srun` command is available")
    # A resumed run writes where it did before or elsewhere; not every epoch is measured, and some runs never are.
    for message in ("Checkpoint directory", "The dirpath has changed", "`ModelCheckpoint", "Total length of `list`"):
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric", "faster_coco_eval", "onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.WARNING)


def keep_freed_memory() -> None:
    """Keeps freed memory in this process for its next tensors, unless the environment sets options of malloc.

    By default glibc requests every large tensor from the system, which clears each page again. At batches of 128
    images that took nearly half of a CPU's time. Other libraries are not changed.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, -1)  # never


@contextmanager
def reraise_process_errors() -> Iterator[None]:
    """Re-raises an error of a spawned process that is meant for the user, and ends the others.

    Raises:
        ValueError: if a process raised it; likewise OSError and FloatingPointError. torch reports other errors.
        ChildProcessError: if a process was killed.
        SystemExit: with 143, if SIGTERM ended one.
    """
    try:
        try:
            yield
        except BaseException:
            _end_children()
            raise
    except ProcessExitedException as error:
        if error.exit_code in (EXIT_CODE, -signal.SIGTERM):
            raise SystemExit(EXIT_CODE) from error
        raise ChildProcessError(f"{error}; the system kills processes for want of memory, for one") from error
    except ProcessRaisedException as error:
        # torch's report is text: tracebacks, of which the last one counts, with indented frames.
        last = str(error).rpartition("Traceback (most recent call last):\n")[2]
        kind, _, message = re.sub(r"\A(?: .*\n|\n)*", "", last).partition(": ")
        if kind in _REPORTED:
            raise _REPORTED[kind](message.strip()) from error
        _raise_if_peer_gone(message, error)
        raise
    except RuntimeError as error:
        _raise_if_peer_gone(str(error), error)
        raise


def _raise_if_peer_gone(message: str, error: Exception) -> None:
    if _PEER_GONE.search(message):
        raise ChildProcessError("another process of this run has ended") from error


def _end_children() -> None:
    """Ends the processes that this one has started and that still run."""
    children, end = multiprocessing.active_children(), time.monotonic() + GRACE
    for child in children:
        child.terminate()
    for child in children:
        child.join(max(0.0, end - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()
