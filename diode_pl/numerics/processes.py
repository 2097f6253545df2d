"""Per-process setup (quiet libraries, malloc) and errors of spawned processes."""

import ctypes
import logging
import os
import platform
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch.multiprocessing.spawn import ProcessRaisedException

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # numbers of mallopt's options, from malloc.h
_REPORTED = {kind.__name__: kind for kind in (ValueError, OSError, FloatingPointError)}


def prepare_process() -> None:
    """Configures malloc, and silences warnings of libraries about intended behavior."""
    keep_freed_memory()
    # Optimizers come with the stages, and the teacher stays in eval mode.
    for message in ("`LightningModule.configure_optimizers` returned", "Found .* in eval mode", ".*treespec"):
        warnings.filterwarnings("ignore", message)
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
    """Re-raises an error of a spawned process that is meant for the user.

    Raises:
        ValueError: if a process raised it; likewise OSError and FloatingPointError. torch reports other errors.
    """
    try:
        yield
    except ProcessRaisedException as error:
        # torch's report is text: tracebacks, of which the last one counts, with indented frames.
        last = str(error).rpartition("Traceback (most recent call last):\n")[2]
        kind, _, message = re.sub(r"\A(?: .*\n|\n)*", "", last).partition(": ")
        if kind not in _REPORTED:
            raise
        raise _REPORTED[kind](message.strip()) from error
