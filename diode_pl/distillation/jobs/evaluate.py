"""The job that evaluates a student without training it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from diode_pl.dashboard import RunCard, recorded
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.report import write_scores
from diode_pl.distillation.results import RESULTS, show_scores
from diode_pl.provenance import Provenance
from diode_pl.report import log_closing, predict_words
from diode_pl.report.page import try_write_page
from diode_pl.training.checkpoint import Checkpoint
from diode_pl.training.run_folder import require_own_folder

log = logging.getLogger(__name__)

_MUST = {"student.": ("student", "The student must be the one that it was made with")}
_FILES = ("measured.json", "measured.png", "measured")  # not those of a training in the same folder


def evaluate(
    module: Evaluation,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    ckpt: str | Path | None = None,
) -> float:
    """Evaluates the student of a checkpoint, or the student as constructed if no checkpoint is given.

    Args:
        module: student, teacher and validation images.
        trainer: from :func:`diode_pl.training.trainer.build_training_trainer`.
        folder: gets ``measured.json``, ``measured.png``, the folder ``measured/`` and ``measured.html``.
        settings: configuration of the run as plain data.
        ckpt: a checkpoint of a training with any losses.

    Returns:
        AP50 of the student.

    Raises:
        ValueError: if there are no validation images, the student has random weights, or ``ckpt`` does not fit.
    """
    require_own_folder(folder, settings)
    if module.data.val is None:
        raise ValueError("val: expected images to measure on, got None")
    provenance = module.student.provenance
    if ckpt is not None:
        checkpoint = Checkpoint.read(ckpt)
        checkpoint.require_same_shapes(module, _MUST)
        checkpoint.require_student(module.student)
        module.student.load_state_dict(checkpoint.weights_of("student"))
        if checkpoint.resolution not in (None, resolution := module.data.val.resolution):
            log.warning(
                "measured at %d px; the student was trained at resolution=%d", resolution, checkpoint.resolution
            )
        provenance = Provenance.parse(checkpoint.kept.get("data_access", ""))
    elif provenance is None:
        raise ValueError(
            f"student: this would measure a student {module.student.describe_random_weights()}; give its weights, or "
            "the checkpoint of a training as ckpt"
        )
    facts = {"checkpoint": None if ckpt is None else str(ckpt), "data_access": str(provenance)}
    given = ckpt or (settings.get("student") or {}).get("weights")
    weights = str(given) if isinstance(given, str | Path) else "FILE"  # a download is not a word to type
    trainer.callbacks.append(_Writer(Path(folder), facts, weights))  # type: ignore[attr-defined]
    with recorded(trainer, RunCard("evaluate", Path(folder), settings, RESULTS)) as dashboards:
        trainer.validate(module, datamodule=module.data, verbose=False)
        show_scores(dashboards, Path(folder) / _FILES[0])
    return float(trainer.callback_metrics["val/AP50"])


class _Writer(pl.Callback):
    """Writes the scores in the main process, which may be a spawned one."""

    def __init__(self, folder: Path, facts: dict[str, Any], weights: str) -> None:
        self.folder, self.facts, self.weights = folder, facts, weights

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Evaluation)
        if trainer.is_global_zero:
            write_scores(pl_module, self.folder, pl_module.student_scores, self.facts, _FILES)
            try_write_page(self.folder, "measured.json")
            log.info("%s: %s", self.folder, ", ".join(name for name in _FILES[:2] if (self.folder / name).exists()))
            log_closing(self.folder, _FILES[1], "what it finds", *predict_words(pl_module.student, self.weights))
