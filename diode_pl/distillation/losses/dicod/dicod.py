"""Distillation of a classifier of crops into a detector: its classes, and the borders of its boxes."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diode_pl.detector import Detector, MatchedPredictions
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.dicod.classification_kd import (
    bernoulli_divergence,
    check_form,
    l1_normalized_divergence,
    paper_code_count,
    softmax_divergence,
)
from diode_pl.distillation.losses.dicod.classifier_teacher import CropTeacher
from diode_pl.distillation.losses.dicod.localization_kd import crop_distances
from diode_pl.distillation.losses.shared_classes import SharedClasses
from diode_pl.io.safetensors import fingerprint
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.numerics.roi_crop import visible
from diode_pl.training.step_counter import StepCount


class Dicod(DistillLoss):
    """Distills a classifier at each positive of the student: class logits, and the crops of predicted and labeled box.

    Classes are matched by name; the class part ignores those that the classifier lacks or was not trained on. The box
    part compares crops in pixels and in the classifier's first layers. Positives without classifier logits are dropped
    from the class part, predicted boxes with less than a pixel inside the image from the box part; both count as
    dropped boxes. Objectness gets no gradient and needs another loss.

    Args:
        classifier: frozen here, and in no checkpoint.
        weight: factor of the loss in the sum.
        classification: factor of the class part (the paper's KD_cls); 0 skips it.
        localization: factor of the box part (KD_loc: image part plus feature part); 0 skips it.
        temperature: logits are divided by it; the class part is multiplied by its square.
        form: of the class part; None: as the student's head, softmax with background or sigmoids; "l1_normalized": the
            student's sigmoids divided by their sum, as one distribution.
        reduction: the class part is divided by the number of positives ("mean"); in "paper_code" an image without
            positives counts as one positive.
        image_pool: crops are pooled to a grid of this side before pixels are compared.
        feature_pool: likewise the feature maps of every layer.
        localization_warmup_steps: steps over which the box part grows to its full size, as an untrained head predicts
            boxes anywhere.
        max_crops: maximum number of positives in the box part, per batch and process, drawn by the step; None for all.

    Raises:
        ValueError: a factor is negative or not finite, both parts have a factor of 0, or a setting is out of range.

    Source: Guo, Alvarez, Salzmann, Distilling Image Classifiers in Object Detectors, NeurIPS 2021.

    Example:
        >>> from diode_pl.distillation.losses.dicod import DetectorAsClassifier
        >>> loss = Dicod(DetectorAsClassifier(crop_size=32), localization=0.0)
        >>> loss.needs_teacher, loss.complete
        (True, False)
    """

    needs_labels, complete = True, False

    def __init__(
        self,
        classifier: CropTeacher,
        weight: float = 1.0,
        classification: float = 0.4,
        localization: float = 0.15,
        temperature: float = 2.0,
        form: str | None = None,
        reduction: str = "mean",
        image_pool: int = 4,
        feature_pool: int = 8,
        localization_warmup_steps: int = 0,
        max_crops: int | None = 256,
    ) -> None:
        super().__init__(weight)
        if not isinstance(classifier, CropTeacher):
            raise ValueError(
                f"Dicod: classifier must be a crop teacher, got {classifier!r}; DetectorAsClassifier is one"
            )
        # nn.Module does not register what is inside a tuple.
        self._classifier = (classifier.requires_grad_(False).eval(),)
        self.needs_teacher, self.provenance = classifier.needs_detector, classifier.provenance
        self.classification = self._gain("classification", classification)
        self.localization = self._gain("localization", localization)
        if not classification and not localization:
            raise ValueError(
                "Dicod: classification and localization must not both be 0: nothing would be left to learn"
            )
        if not 0 < temperature < float("inf"):
            raise ValueError(f"Dicod: temperature must be finite and > 0, got {temperature}")
        if form not in (None, "l1_normalized"):
            raise ValueError(f'Dicod: form must be "l1_normalized" or None for the student\'s own, got {form!r}')
        if reduction not in ("mean", "paper_code"):
            raise ValueError(f'Dicod: reduction must be "mean" or "paper_code", got {reduction!r}')
        bounds = (("image_pool", image_pool, 1), ("feature_pool", feature_pool, 1), ("max_crops", max_crops, 1))
        for key, value, least in (*bounds, ("localization_warmup_steps", localization_warmup_steps, 0)):
            if value is not None and value < least:
                raise ValueError(f"Dicod: {key} must be >= {least}, got {value}")
        self.temperature, self.form, self.reduction = temperature, form, reduction
        self.image_pool, self.feature_pool, self.max_crops = image_pool, feature_pool, max_crops
        self.localization_warmup_steps = localization_warmup_steps
        self.count = StepCount()  # a resumed training neither warms up again nor draws other crops
        self.shared = SharedClasses()  # filled by prepare()

    @property
    def classifier(self) -> CropTeacher:
        """The frozen classification teacher."""
        return self._classifier[0]

    @property
    def facts(self) -> dict[str, Any]:
        known = self.classifier.facts
        return {"classifier": known} if known else {}

    def fingerprint(self) -> str | None:
        return fingerprint(self.classifier) if self.classifier.state_dict() else None

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        student.require("match_predictions")
        if teacher is not None:
            asked = (self.classification, self.classifier.for_logits), (self.localization, self.classifier.for_features)
            teacher.require(*(name for factor, names in asked if factor > 0 for name in names))
        self.classifier.check(teacher, student)
        self.shared.match(self.classifier.learned_classes(), student, "classifier")
        if self.classification > 0:
            shared = [student.class_names[label] for label in self.shared.student.tolist()]
            check_form(self.form, student.class_activation, self.classifier.kind, shared)

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        if not len(self.shared.teacher):
            raise RuntimeError("Dicod: prepare(teacher, student, resolution) must come before the first step")
        self.classifier.to(batch.images.device)
        with torch.autocast(batch.images.device.type, enabled=False):
            positives = batch.student.match_predictions(batch.student_outputs, batch.targets)
            classes, unseen = self._classes(batch, positives)
            step, images = self.count(), max(1, len(batch.images))
            of_image, of_features, hidden = self._boxes(batch, positives, step)
            self.parts = {
                "classification": classes.detach(),
                "localization_image": of_image.detach(),
                "localization_features": of_features.detach(),
                "positives": classes.new_full((), len(positives.image) / images),
                "dropped_boxes": (unseen | hidden).sum().to(classes) / images,
            }
            warmth = min(1.0, step / self.localization_warmup_steps) if self.localization_warmup_steps else 1.0
            return self.classification * classes + self.localization * warmth * (of_image + of_features)

    def _classes(self, batch: DistillationBatch, positives: MatchedPredictions) -> tuple[Tensor, Bool[Tensor, " k"]]:
        """Returns KD_cls, and the mask of positives without classifier logits."""
        known = torch.isin(batch.targets.labels[positives.target], self.shared.student) & (self.classification > 0)
        teacher_logits = self._classifier_logits(batch, positives.target[known])
        silent = (teacher_logits == -torch.inf).all(dim=1)
        unseen = known.masked_scatter(known, silent)
        image, logits = positives.image[known & ~unseen], positives.class_logits[known & ~unseen]
        divergences = self._divergences(batch.student, logits, teacher_logits[~silent])
        count = logits.new_full((), len(image))
        if self.reduction == "paper_code":
            count = paper_code_count(image, len(batch.images))
        return self.temperature**2 * divergences.sum() / reduce_sum_per_process(count, at_least=1.0), unseen

    @torch.no_grad()
    def _classifier_logits(self, batch: DistillationBatch, target: Tensor) -> Tensor:
        """Returns the classifier's logits of the shared classes for each of these labeled boxes."""
        boxes, owner = target.unique(return_inverse=True)  # several positives share a box
        if not len(boxes):
            return batch.targets.boxes.new_zeros(0, len(self.shared.teacher))
        logits = self.classifier.object_logits(batch, batch.targets.boxes[boxes], batch.targets.image_index[boxes])
        return at_least_float32(logits)[owner][:, self.shared.teacher]

    def _divergences(self, student: Detector, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        own = logits[:, self.shared.student]
        if student.class_activation == "softmax":
            return softmax_divergence(torch.cat([own, logits[:, -1:]], dim=1), teacher_logits, self.temperature)
        if self.form == "l1_normalized":
            return l1_normalized_divergence(own, teacher_logits, self.temperature, self.classifier.kind == "softmax")
        return bernoulli_divergence(own, teacher_logits, self.temperature)

    def _boxes(
        self, batch: DistillationBatch, positives: MatchedPredictions, step: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the two parts of KD_loc, and the mask of positives that are not visible."""
        wanted = batch.targets.boxes[positives.target].to(positives.boxes.dtype)
        size = batch.student_outputs.image_size
        shown = visible(positives.boxes, size) & visible(wanted, size)
        used = self._select(shown, step)
        sums = crop_distances(
            at_least_float32(batch.images).to(positives.boxes.dtype),
            positives.boxes[used],
            wanted[used],
            positives.image[used],
            self.classifier.features,
            self.classifier.crop_size,
            self.image_pool,
            self.feature_pool,
        )
        count = reduce_sum_per_process(sums.new_full((), len(used)), at_least=1.0)
        return sums[0] / count, sums[1] / count, ~shown

    def _select(self, shown: Bool[Tensor, " k"], step: int) -> Tensor:
        """Returns the indices of the positives in the box part."""
        (used,) = torch.nonzero(shown, as_tuple=True)
        if self.localization == 0:
            return used[:0]
        if self.max_crops is None or len(used) <= self.max_crops:
            return used
        # On the CPU, seeded by the step: the same on every device, and after a resume.
        order = torch.randperm(len(used), generator=torch.Generator().manual_seed(step))
        return used[order[: self.max_crops].sort().values.to(used.device)]
