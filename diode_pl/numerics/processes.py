"""Per-process setup (quiet libraries, malloc) and errors of spawned processes."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch.multiprocessing.spawn import ProcessRaisedException

from diode_pl.numerics.malloc import keep_freed_memory

_REPORTED = {kind.__name__: kind for kind in (ValueError, OSError, FloatingPointError)}


def prepare_process() -> None:
    """Silences libraries and configures malloc."""
    _quiet_libraries()
    keep_freed_memory()


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


def _quiet_libraries() -> None:
    """Silences warnings of libraries about intended behavior."""
    # Optimizers come with the stages, and the teacher stays in eval mode.
    for message in ("`LightningModule.configure_optimizers` returned", "Found .* in eval mode", ".*treespec"):
        warnings.filterwarnings("ignore", message)
    # A resumed run writes where it did before or elsewhere; not every epoch is measured, and some runs never are.
    for message in ("Checkpoint directory", "The dirpath has changed", "`ModelCheckpoint", "Total length of `list`"):
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric", "faster_coco_eval", "onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.WARNING)
