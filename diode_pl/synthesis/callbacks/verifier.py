"""Scores of the images: mAP of the teacher and of an independent detector."""

import logging
from typing import Any

import pytorch_lightning as pl
import torch

from diode_pl.dashboard import log_numbers
from diode_pl.detector import Detections, Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.io.images import to_uint8
from diode_pl.provenance import VERIFIER, Provenance
from diode_pl.synthesis.iterations import step_in_set
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.scoring import describe_findings, match_learned, score_images

log = logging.getLogger(__name__)

_LEAST = 0.1  # share of the teacher's classes: a score of a few would stand for all


class Verifier(pl.Callback):
    """Measures mAP@0.5 of the teacher and of an independent detector on the images, against their targets.

    The scores are logged; those at the end of a batch are kept in ``Inversion.scores``, with what they were measured on
    in ``Inversion.detections`` and, for the records, in ``notes``. They do not affect the images.

    Args:
        detector: independently trained on similar data; None measures the teacher alone. Classes are matched by name;
            targets of classes that it does not have or was not trained on are ignored; a batch without any other has no
            score. It is not used if it knows fewer than a tenth of the teacher's.
        every: iterations between two measurements, skipped in stages whose resolution the detector does not support;
            0 measures at the end of a batch only.

    Attributes:
        notes: for the record of the batch: ``detections`` of ``teacher`` and ``verifier`` in the teacher's classes, and
            the ``known_classes`` of the verifier.

    Raises:
        ValueError: if ``every`` is negative; when measuring, if outputs of a detector are not finite.

    Source: Chawla et al., WACV 2021, section 5.1 ("verifier").

    Example:
        >>> from diode_pl import load_detector
        >>> str(Verifier(load_detector(weights="embedded"), every=100).provenance)
        'verifier'
    """

    def __init__(self, detector: Detector | None = None, every: int = 0) -> None:
        if every < 0:
            raise ValueError(f"every must be >= 0, got {every}")
        self.detector, self.every = None if detector is None else detector.freeze(), every
        self.notes = dict[str, Any]()

    @property
    def provenance(self) -> Provenance:
        """Data that the scores use besides the teacher."""
        return Provenance() if self.detector is None else VERIFIER

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Moves the verifier to the images' device and matches its classes."""
        assert isinstance(pl_module, Inversion)
        self.class_map: list[int] | None = None
        if self.detector is None:
            return
        names = pl_module.teacher.class_names
        self.class_map = match_learned(self.detector, names)
        missing = [name for i, name in enumerate(names) if i not in self.class_map]
        known = len(names) - len(missing)
        if known < max(1, _LEAST * len(names)):
            some = f"{known} of the teacher's {len(names)}" if known else "none of the teacher's"
            log.warning("the verifier has %s classes and is not used", some)
            self.detector = self.class_map = None
            return
        last = len(pl_module.stages) - 1
        self._sides(self.detector).check(f"stages[{last}].resolution", pl_module.stages[last].resolution)
        if missing:
            log.warning("the verifier does not have the classes %s: its score ignores them", ", ".join(missing))
        self.detector.to(pl_module.device).to(memory_format=torch.channels_last)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Inversion)
        due = self.every and pl_module.images is not None and pl_module.iteration % self.every == 0
        if due and (self.detector is None or self._sides(self.detector).supports(pl_module.stage.resolution)):
            self._measure(pl_module, step_in_set(pl_module, pl_module.iteration))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measures a finished batch, rounded to 8 bits as on disk."""
        assert isinstance(pl_module, Inversion)
        if pl_module.batch_is_done:
            pl_module.scores = self._measure(pl_module, step_in_set(pl_module))

    @staticmethod
    def _sides(detector: Detector) -> InputSize:
        return InputSize.from_detectors({"verifier": detector})

    def _measure(self, module: Inversion, step: int) -> dict[str, float]:
        assert module.images is not None
        images = to_uint8(module.images.detach()).float() / 255
        size, scores = (images.shape[2], images.shape[3]), dict[str, float]()
        found = dict[str, list[Detections]]()
        for role, detector, labels in (("teacher", module.teacher, None), ("verifier", self.detector, self.class_map)):
            if detector is None:
                continue
            score, found[role] = score_images(role, detector, images, module.targets, labels)
            if score is not None:
                scores[f"{role}_map50"] = score
        module.detections = found
        self.notes = describe_findings(found, size, {} if self.class_map is None else {"verifier": self.class_map})
        log_numbers(module.loggers, {f"score/{name}": value for name, value in scores.items()}, step)
        return scores
