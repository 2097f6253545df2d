"""Writing of finished batches."""

import time

import pytorch_lightning as pl

from diode_pl.data.synthetic import FinishedBatch, SyntheticSet
from diode_pl.provenance import Provenance
from diode_pl.synthesis.module import Inversion


class ImageWriter(pl.Callback):
    """Writes each batch to a data set on disk when its last stage ends; every rank writes its own batches.

    Example:
        >>> import tempfile
        >>> from diode_pl.data.synthetic import SyntheticSet
        >>> writer = ImageWriter(SyntheticSet(tempfile.mkdtemp(), ["mug", "key"], {"seed": 0}))
    """

    def __init__(self, dataset: SyntheticSet) -> None:
        self.dataset = dataset

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Inversion)
        if not pl_module.batch_is_done:
            return
        assert pl_module.batch is not None and pl_module.images is not None
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
            )
        )


def provenance_of(module: Inversion, trainer: pl.Trainer) -> Provenance:
    """Provenance of a run: the teacher, and everything its parts add, as in ``teacher +verifier``."""
    provenance = Provenance(teacher=True)
    for part in (module.sampler, module.initializer, *module.objective.losses.values(), *trainer.callbacks):  # type: ignore[attr-defined]
        provenance |= getattr(part, "provenance", Provenance())
    return provenance
