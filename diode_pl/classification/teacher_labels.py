"""What a teacher says of the labeled objects of a data set."""

import logging
from collections import Counter
from collections.abc import Sequence

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from diode_pl.classification.crops import Objects
from diode_pl.data.batch import Batch
from diode_pl.data.pseudo_labels import LabelPolicy, unseen_classes
from diode_pl.data.readers import Example, ImageSet
from diode_pl.data.wrappers import NoneOnBadImage
from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.targets import Targets

log = logging.getLogger(__name__)

_AT_ONCE = 16  # images


class TeacherLabeler:
    """Takes the objects of a data set as a label source takes the labels of a batch: by asking a teacher.

    Args:
        label_source: which boxes count.
        teacher: is frozen here.
        images: the data set.

    Raises:
        ValueError: the teacher has none of the classes, or cannot see images of that size.
    """

    def __init__(self, label_source: LabelPolicy, teacher: Detector, images: ImageSet) -> None:
        self.label_source, self.teacher, self.class_names = label_source, teacher.freeze(), images.class_names
        sides = InputSize.from_detectors({"the teacher, which label_source asks,": teacher})
        sides.check("train.resolution", images.resolution)
        if len(unseen_classes(images.class_names, teacher.class_names)) == len(images.class_names):
            raise ValueError(
                "label_source asks the teacher, which has no class of the training images: theirs are "
                f"{list(images.class_names)}, its own are {list(teacher.class_names)}. Name the detector that "
                "knows them with detector@teacher=NAME, or ask nobody with label_source=sampled "
                "label_source.agreement=false"
            )

    @torch.no_grad()
    def objects(self, source: ImageSet, device: torch.device | str, workers: int) -> tuple[Objects, dict[str, int]]:
        """The objects that count, and how many were ``sampled``, ``dropped`` and ``added``.

        Args:
            source: the images; one that cannot be used has no objects.
            device: where the teacher looks at them.
            workers: processes that read.

        Raises:
            ValueError: no object is left, or too many images are bad.
        """
        self.teacher.to(device)
        nothing = torch.zeros(0, dtype=torch.long)
        parts, total, first = [Objects(nothing, torch.zeros(0, 4), nothing)], Counter[str](), 0
        loader = DataLoader(NoneOnBadImage(source), _AT_ONCE, num_workers=workers, collate_fn=list)
        for read in tqdm(loader, "asking the teacher", unit="batches", disable=None, leave=False):
            there = [i for i, example in enumerate(read, first) if example is not None]
            first += len(read)
            if there:
                labels, counts = self._labels([example for example in read if example is not None], device)
                images = torch.tensor(there)[labels.image_index]
                parts.append(Objects(images, labels.boxes.clamp(0, 1), labels.labels))
                total.update(counts)
        self.teacher.cpu()
        columns = ([each.images for each in parts], [each.boxes for each in parts], [each.labels for each in parts])
        objects = Objects(*map(torch.cat, columns))
        if not len(objects):
            raise ValueError(
                f"train: none of the {total['sampled']} labeled objects in {len(source)} images counts, for the "
                f"teacher sees nothing of the kind there with more than {self.label_source.confidence}. Name the "
                "detector that the images were made from with detector@teacher=NAME, ask for less with "
                "label_source.confidence and label_source.iou, or ask nobody with label_source=sampled "
                "label_source.agreement=false"
            )
        counts = {name: total[name] for name in ("sampled", "dropped", "added")}
        log.info(
            "label_source: of %(sampled)d labeled objects %(dropped)d are dropped, of which the teacher sees nothing; "
            "%(added)d that it finds are added",
            counts,
        )
        return objects, counts

    def _labels(self, examples: Sequence[Example], device: torch.device | str) -> tuple[Targets, dict[str, int]]:
        """The boxes that count, in the numbering of the data set, and the numbers of a batch; both on the CPU."""
        batch = Batch.from_examples(examples).to(device).to_float()

        def finds(confidence: float) -> Targets:
            outputs = self.teacher(batch.images)
            found = self.teacher.predict_as(self.class_names, outputs, confidence=confidence)
            return Targets.from_images([(each.boxes, each.labels) for each in found], batch.targets.boxes.device)

        labels, counts = self.label_source.select(batch.targets, finds)
        return labels.compact().to("cpu"), {name: int(count) for name, count in counts.items()}
