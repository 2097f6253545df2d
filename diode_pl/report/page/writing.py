"""Writing of the page of a run."""

import logging
from collections.abc import Sequence
from pathlib import Path

from diode_pl.io.atomic import atomic_write
from diode_pl.report.page.comparison import compare_runs
from diode_pl.report.page.rendering import render
from diode_pl.report.page.set_view import view_set
from diode_pl.report.page.synthetic_set import read_set
from diode_pl.report.page.training import FILES, read_training
from diode_pl.report.page.training_view import view_training

log = logging.getLogger(__name__)

_PAGES = {"dataset.json": "report.html", "metrics.json": "report.html", "measured.json": "measured.html"}


def write_page(folder: Path, kind: str | None = None, others: Sequence[Path] = ()) -> Path:
    """Writes the page of a run that has ended, one HTML file that needs nothing else.

    Args:
        folder: output folder of the run.
        kind: file that holds its results: ``dataset.json`` of images, ``metrics.json`` of a training,
            ``measured.json`` of an evaluation; None takes the first that is there.
        others: folders of runs to compare with.

    Returns:
        Path of the page, ``report.html``, or ``measured.html`` of an evaluation.

    Raises:
        ValueError: if a folder holds no results, or a file is damaged.
    """
    kind = kind or next((name for name in _PAGES if (folder / name).is_file()), None)
    if kind is None:
        raise ValueError(f"{folder} holds no results: none of {', '.join(_PAGES)}; expected the output_dir of a run")
    comparison = compare_runs(folder, others, kind)
    if kind in FILES:
        view = view_training(read_training(folder, kind), comparison)
    else:
        view = view_set(read_set(folder), comparison)
    path = folder / _PAGES[kind]
    atomic_write(path, render(view).encode())
    return path


def try_write_page(folder: Path, kind: str | None = None) -> None:
    """Like :func:`write_page`, and says where it is; a failure is a warning, since all else of the run is there."""
    try:
        path = write_page(folder, kind)
    except Exception as error:  # damaged files of others, a full disk: no reason to lose a run
        reason = str(error).strip().partition("\n")[0]
        log.warning("no page of %s: %s: %s", folder, type(error).__name__, reason)
        return
    log.info("%s: the whole run on one page, for a browser", path)
