"""What every process of a run begins with, and how its errors come out."""

import builtins
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch.multiprocessing.spawn import ProcessRaisedException

from diode_pl.numerics.malloc import keep_freed_memory

_TRACEBACK = "\nTraceback (most recent call last):\n"


def prepare_process() -> None:
    """Makes libraries quiet, and memory cheap."""
    _quiet_libraries()
    keep_freed_memory()


@contextmanager
def reraise_process_errors() -> Iterator[None]:
    """Raises an error of a process that was started for the run as if it had been raised here.

    Raises:
        Exception: of the same kind and text where the kind is built into Python, else as torch reports it.
    """
    try:
        yield
    except ProcessRaisedException as error:
        again = _as_it_was(str(error))
        if again is None:
            raise
        raise again from error


def _as_it_was(report: str) -> Exception | None:
    """The error at the end of torch's report, which is text alone; None where it cannot be made again."""
    # An error that came of another one stands last. Its frames are indented, and names of libraries have dots.
    _, _, last = report.rpartition(_TRACEBACK)
    found = re.match(r"(?:(?: .*)?\n)*(\w+Error)(?:: |$)", last)
    kind = getattr(builtins, found[1], None) if found else None
    if found is None or kind is None:
        return None
    try:
        return kind(last[found.end() :].strip())
    except TypeError:  # such as UnicodeDecodeError, which wants five things
        return None


def _quiet_libraries() -> None:
    """Keeps to itself what a library says about a run that is as it is meant to be."""
    # Optimizers come with the stages, and the teacher stays in eval mode.
    for message in ("`LightningModule.configure_optimizers` returned", "Found .* in eval mode", ".*treespec"):
        warnings.filterwarnings("ignore", message)
    # A resumed run writes where it did before or elsewhere; not every epoch is measured, and some runs never are.
    for message in ("Checkpoint directory", "The dirpath has changed", "`ModelCheckpoint", "Total length of `list`"):
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric", "faster_coco_eval", "onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.WARNING)
