"""Pseudo-labels of a data set: which objects count according to a teacher."""

import logging
from collections import Counter

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from diode_pl.data.batch import Batch
from diode_pl.data.pseudo_labels import LabelPolicy, find_unknown_classes
from diode_pl.data.readers import ImageSet
from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.targets import Targets

log = logging.getLogger(__name__)

_BATCH_SIZE = 16


class TeacherLabeler:
    """Selects the objects of a data set by the detections of a teacher, which is frozen here.

    Raises:
        ValueError: if the teacher has none of the classes, or does not support the resolution of the images.
    """

    def __init__(self, label_source: LabelPolicy, teacher: Detector, images: ImageSet) -> None:
        self.label_source, self.teacher, self.class_names = label_source, teacher.freeze(), images.class_names
        sides = InputSize.from_detectors({"the teacher of label_source": teacher})
        sides.check("train.resolution", images.resolution)
        if len(find_unknown_classes(images.class_names, teacher.class_names)) == len(images.class_names):
            raise ValueError(
                "teacher and label_source: the teacher has no class of the training images: theirs are "
                f"{list(images.class_names)}, its own are {list(teacher.class_names)}. Take a detector that has them, "
                "or none with source=sampled and agreement=False"
            )

    @torch.no_grad()
    def find_objects(
        self, source: ImageSet, device: torch.device | str, workers: int
    ) -> tuple[Targets, dict[str, int]]:
        """Returns the objects that count in readable images, and how many were ``sampled``, ``dropped``, ``added``.

        Raises:
            ValueError: if no object is left.
        """
        self.teacher.to(device)
        per_image, total = list[tuple[Tensor, Tensor]](), Counter[str]()
        loader = DataLoader(source, _BATCH_SIZE, num_workers=workers, collate_fn=Batch.from_examples)
        for batch in tqdm(loader, "teacher", unit="batches", disable=None, leave=False):
            labels, counts = self._label(batch.to(device).to_float())
            per_image += [(boxes.clamp(0, 1), own) for boxes, own in labels.per_image()]
            total.update(counts)
        self.teacher.cpu()
        objects = Targets.from_images(per_image)
        if not len(objects):
            raise ValueError(
                f"teacher and label_source: none of the {total['sampled']} labeled objects in {len(source)} images "
                f"counts, as the teacher detects none with a confidence above {self.label_source.confidence}. Take the "
                "detector that the images were made from, lower confidence and iou of label_source, or use no teacher "
                "with source=sampled and agreement=False"
            )
        counts = {name: total[name] for name in ("sampled", "dropped", "added")}
        log.info(
            "label_source: of %(sampled)d labeled objects %(dropped)d are dropped, which the teacher does not detect; "
            "%(added)d of its detections are added",
            counts,
        )
        return objects, counts

    def _label(self, batch: Batch) -> tuple[Targets, dict[str, int]]:
        """Returns the boxes of a batch that count, in the numbering of the data set, on the CPU, and the counts."""

        def finds(confidence: float) -> Targets:
            outputs = self.teacher(batch.images)
            found = self.teacher.predict_as(self.class_names, outputs, confidence=confidence)
            return Targets.from_images([(each.boxes, each.labels) for each in found], batch.targets.boxes.device)

        labels, counts = self.label_source.select(batch.targets, finds)
        return labels.compact().to("cpu"), {name: int(count) for name, count in counts.items()}
