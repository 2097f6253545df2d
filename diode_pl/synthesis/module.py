"""The LightningModule of the synthesis, whose parameters are the images."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from diode_pl.augmentations import Augmentation
from diode_pl.data.synthetic import Plan
from diode_pl.detector import Detections, Detector
from diode_pl.io.images import resize
from diode_pl.synthesis.batch_state import restore_batch
from diode_pl.synthesis.image_loss import ImageLoss
from diode_pl.synthesis.initializer import Initializer
from diode_pl.synthesis.loss_weighting import ConstantWeights, LossWeighting
from diode_pl.synthesis.losses import Loss, Objective
from diode_pl.synthesis.sampler import LabelPrior, Sampler
from diode_pl.synthesis.schedule.stage import Stage, check_stages
from diode_pl.targets import Targets


class Inversion(pl.LightningModule):
    """Optimizes batches of images until a frozen detector sees the sampled objects in them.

    A training step is one iteration; an epoch is one stage of one batch of images. All random draws of a batch are
    seeded by (``seed``, batch number), so the result does not depend on the process or on earlier batches.

    Args:
        teacher: detector to invert; frozen here.
        sampler: draws the targets of each batch.
        stages: stages of every batch, in order.
        losses: terms of the objective by name; None removes one.
        augmentations: by name, applied in order with new draws in each step; None removes one.
        initializer: creates the images of the first stage.
        num_images: size of the data set.
        batch_size: images optimized together; the last batch may be smaller. ``auto``: see :func:`largest_batch`, which
            must come before ``plan`` is read.
        seed: random seed, >= 0.
        budget: factor of the number of iterations of every stage, > 0.
        loss_weighting: computes factors from the weights of the losses; :class:`ConstantWeights` by default.

    Attributes:
        batches: numbers of those to make, all of ``plan`` unless set; ``batch`` is the present one or None.
        iteration: number of those of the present stage that are done.
        read_state: returns the state that a batch was left in, see :func:`capture_batch`, or None.
        scores, detections: of a finished batch, if measured; detections by detector, in the teacher's classes.

    Raises:
        ValueError: if a number is out of range, the teacher does not support a stage's resolution, no loss is left,
            or a stage names an unknown loss.

    Source: Chawla et al., WACV 2021, section 3.

    Example:
        >>> from diode_pl import load_detector
        >>> from diode_pl.synthesis import initializer, losses, sampler
        >>> stages, terms = [Stage(64, 100, torch.optim.Adam)], {"detection": losses.Detection()}
        >>> Inversion(load_detector(width=0.1), sampler.OneBox(), stages, terms, {}, initializer.Noise(), 8, 4).plan
        Plan(num_images=8, batch_size=4)
    """

    def __init__(
        self,
        teacher: Detector,
        sampler: Sampler,
        stages: Sequence[Stage],
        losses: Mapping[str, Loss | None],
        augmentations: Mapping[str, Augmentation | None],
        initializer: Initializer,
        num_images: int,
        batch_size: int | Literal["auto"],
        seed: int = 0,
        budget: float = 1.0,
        loss_weighting: LossWeighting | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        if not isinstance(teacher, Detector):
            raise ValueError(f"teacher: expected a detector, got {teacher!r}")
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed must be an integer >= 0, got {seed!r}")
        check_stages(stages, teacher, budget)
        self.num_images, self.batch_size = num_images, batch_size
        self.batches: Iterable[int] = range(self.plan.num_batches if batch_size != "auto" else 0)
        self.batch: int | None = None
        self.objective = Objective(losses, loss_weighting or ConstantWeights())
        for stage in stages:
            self.objective.weights(stage.loss_factors)  # raises if one is unknown
        self.teacher = teacher.freeze().to(memory_format=torch.channels_last)
        self.label_prior = LabelPrior.from_teacher(teacher)
        self.sampler, self.stages, self.initializer, self.seed = sampler, list(stages), initializer, seed
        self.image_loss = ImageLoss(teacher, [a for a in augmentations.values() if a is not None], self.objective)
        self.scores, self.detections, self.budget = dict[str, float](), dict[str, list[Detections]](), budget
        self.images: nn.Parameter | None = None
        self.read_state: Callable[[int], Mapping[str, Any] | None] = dict[int, Mapping[str, Any]]().get
        self._left: Mapping[str, Any] | None = None
        self._shift, self.iteration = 0, 0

    @property
    def plan(self) -> Plan:
        """Division of the data set into batches."""
        return Plan(self.num_images, self.batch_size)  # type: ignore[arg-type]  # it raises on anything else

    @property
    def stage_index(self) -> int:
        """Index of the current stage."""
        return (self.current_epoch + self._shift) % len(self.stages)

    @property
    def stage(self) -> Stage:
        """The current stage."""
        return self.stages[self.stage_index]

    @property
    def batch_is_done(self) -> bool:
        """Whether the current stage is the batch's last; meaningful at the end of an epoch."""
        return self.batch is not None and self.stage_index == len(self.stages) - 1

    @property
    def targets(self) -> Targets:
        """Targets of the current batch, including grown ones."""
        return self.initial.cat(self.added).compact()

    def term_values(self) -> dict[str, float]:
        """Last value of each raw term, weighted total, and values of the weighting; triggers a device sync."""
        return self.objective.values()

    def configure_optimizers(self) -> None:
        """Returns None: each stage has its own optimizer, see :meth:`on_train_epoch_start`."""

    def train_dataloader(self) -> range:
        """The iterations of a stage that are left; reloaded every epoch because stages differ in length."""
        first = 0 if self._left is None else self._left["iteration"]
        return range(first, self.stage.steps(self.budget))

    def on_fit_start(self) -> None:
        """Takes the first batch; without one, the fit ends here."""
        self.ahead: Iterator[int] = iter(self.batches)
        self._take_batch(self.current_epoch)

    def on_train_epoch_end(self) -> None:
        """Takes the next batch after the last stage; the fit ends without one."""
        if self.batch_is_done:
            self._take_batch(self.current_epoch + 1)

    def on_train_epoch_start(self) -> None:
        """Starts a stage: images at its resolution, its optimizer and learning rate schedule."""
        assert self.batch is not None
        state, self._left = self._left, None
        if self.stage_index == 0 or state is not None:
            self._begin_batch(self.batch)
        stage, steps = self.stage, self.stage.steps(self.budget)
        start = self._carry_over(stage.resolution) if state is None else state["images"]
        # Channels last, like the teacher: faster convolutions, and far faster channel statistics on a CPU.
        self.images = nn.Parameter(start.to(self.device, memory_format=torch.channels_last))
        optimizer = stage.optimizer([self.images])
        self.trainer.strategy.optimizers = [optimizer]
        self.scheduler = LambdaLR(optimizer, lambda done: stage.lr_factor(done / steps))
        self.current_targets = self.targets
        self.image_loss.begin(stage)
        self.iteration = 0
        if state is not None:
            restore_batch(self, state)

    def training_step(self, iteration: int, _: int) -> None:
        """One iteration: augment, forward, sum the losses, step, clamp."""
        assert self.images is not None
        progress = iteration / self.stage.steps(self.budget)
        total = self.image_loss(self.images, self.current_targets, progress, self.generator)

        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        optimizer.zero_grad()
        self.manual_backward(total)
        optimizer.step()
        self.scheduler.step()
        with torch.no_grad():
            self.images.clamp_(0, 1)
        self.iteration, growth = iteration + 1, self.stage.growth
        if growth is not None and growth.due(self.iteration, self.budget):
            self._grow_targets()

    def _take_batch(self, epoch: int) -> None:
        self.batch = next(self.ahead, None)
        self.trainer.should_stop |= self.batch is None
        self._left = None if self.batch is None else self.read_state(self.batch)
        self._shift = ((0 if self._left is None else self._left["stage"]) - epoch) % len(self.stages)

    def _begin_batch(self, batch: int) -> None:
        state = np.random.SeedSequence((self.seed, batch)).generate_state(1, np.uint64)
        self.generator = torch.Generator().manual_seed(int(state[0]))
        first, count = self.plan.first_image(batch), self.plan.images_in(batch)
        self.initial = self.sampler.sample(first, count, self.label_prior, self.generator).to(self.device)
        self.added = Targets.from_images([(torch.zeros(0, 4), torch.zeros(0))] * count, self.device)
        # A gradient scaler adapts its scale: reset it, so that batches do not depend on earlier ones.
        if (scaler := getattr(self.trainer.precision_plugin, "scaler", None)) is not None:
            self._new_scaler = getattr(self, "_new_scaler", None) or scaler.state_dict()
            scaler.load_state_dict(self._new_scaler)
        self.images, self.scores, self.detections, self.started = None, {}, {}, time.perf_counter()

    def _carry_over(self, resolution: int) -> Tensor:
        before = self.stages[self.stage_index - 1]
        if self.stage_index == 0 or not before.keep_images or self.images is None:
            return self.initializer(self.initial.batch_size, resolution, self.generator)
        return resize(self.images.detach(), resolution)

    @torch.no_grad()
    def _grow_targets(self) -> None:
        growth = self.stage.growth
        assert growth is not None and self.images is not None
        found = self.teacher.predict(self.teacher(self.images), growth.nms_confidence, growth.nms_iou)
        self.initial, self.added = growth.grow(self.initial, self.added, found, len(self.label_prior.classes))
        self.current_targets = self.targets
