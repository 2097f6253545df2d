"""Writing of finished batches."""

import logging
import math
import time
from collections import ChainMap
from typing import Any

import pytorch_lightning as pl

from diode_pl.data.synthetic import Claims, FinishedBatch, SyntheticSet, Team
from diode_pl.provenance import Provenance
from diode_pl.synthesis.module import Inversion

log = logging.getLogger(__name__)

_PAUSE = 2.0  # seconds between two looks at the folder


class ImageWriter(pl.Callback):
    """Writes each batch to a data set on disk when its last stage ends; every process writes its own batches.

    Args:
        dataset: to write to.
        team: those who write to it.

    Raises:
        FileNotFoundError: if the folder vanishes.

    Example:
        >>> import tempfile
        >>> dataset = SyntheticSet(tempfile.mkdtemp(), ["mug", "key"], {"seed": 0})
        >>> writer = ImageWriter(dataset, Team(dataset.folder))
    """

    def __init__(self, dataset: SyntheticSet, team: Team) -> None:
        self.dataset, self.team, self._looked = dataset, team, 0.0
        self._best = -math.inf  # score of the batches of this process

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Ends a run whose folder has vanished, before it has made a batch in vain."""
        if time.monotonic() - self._looked > _PAUSE:
            self.team.require_folder()
            self._looked = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Inversion)
        if not pl_module.batch_is_done:
            return
        assert pl_module.batch is not None and pl_module.images is not None
        self.team.require_folder()
        self.dataset.write(
            FinishedBatch(
                number=pl_module.batch,
                first=pl_module.plan.first_image(pl_module.batch),
                images=pl_module.images.detach(),
                targets=pl_module.targets,
                seed=pl_module.seed,
                stages=[
                    {"resolution": stage.resolution, "iterations": stage.steps(pl_module.budget)}
                    for stage in pl_module.stages
                ],
                losses=pl_module.term_values(),
                scores=pl_module.scores,
                seconds=time.perf_counter() - pl_module.started,
                provenance=provenance_of(pl_module, trainer),
                notes=_collect(trainer, "notes") | {"origins": _origins(pl_module)},
                files=_collect(trainer, "files"),
            )
        )
        self._say(pl_module)

    def _say(self, module: Inversion) -> None:
        """One line on a batch, which stays when the bar is gone."""
        plan, number, seconds = module.plan, module.batch or 0, time.perf_counter() - module.started
        first, count = plan.first_image(number), plan.images_in(number)
        scores = "".join(f", {name} {value:.3f}" for name, value in module.scores.items())
        if module.scores and plan.num_batches > 1:
            score = [*module.scores.values()][-1]  # the verifier's, where there is one
            scores += " (best so far)" if score > self._best else ""
            self._best = max(score, self._best)
        where = f"batch {number + 1} of {plan.num_batches}: images {first} to {first + count - 1}"
        log.info("%s%s, %.1f s per image", where, scores, seconds / count)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Lets another process have the batch at once."""
        assert isinstance(pl_module, Inversion)
        if isinstance(pl_module.batches, Claims):
            pl_module.batches.close()


def _collect(trainer: pl.Trainer, name: str) -> dict[str, Any]:
    """What the callbacks add to a batch: their attributes ``notes`` (see :class:`FinishedBatch`) or ``files``."""
    parts = (getattr(part, name, {}) for part in trainer.callbacks)  # type: ignore[attr-defined]
    return dict(ChainMap(*parts))


def _origins(module: Inversion) -> list[list[str]]:
    """Of each image, whether each of its targets was sampled or has grown, in their order."""
    pairs = zip(module.initial.per_image(), module.added.per_image(), strict=True)
    return [["sampled"] * len(labels) + ["grown"] * len(others) for (_, labels), (_, others) in pairs]


def provenance_of(module: Inversion, trainer: pl.Trainer) -> Provenance:
    """Provenance of a run: the teacher, and everything its parts add, as in ``teacher +verifier``."""
    provenance = Provenance(teacher=True)
    for part in (module.sampler, module.initializer, *module.objective.losses.values(), *trainer.callbacks):  # type: ignore[attr-defined]
        provenance |= getattr(part, "provenance", Provenance())
    return provenance
