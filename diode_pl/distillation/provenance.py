"""What a student sees in a training."""

from diode_pl.data import DetectionData
from diode_pl.distillation.module import Distillation
from diode_pl.training.provenance import parts, seen_in


def seen_by(distillation: Distillation, data: DetectionData) -> set[str]:
    """What a student sees in this training: ``teacher``, ``real images``, ``real labels``, ..."""
    before = distillation.student.data_access
    given = set() if before is None else parts(before)
    given |= set() if distillation.teacher is None else {"teacher"}
    given = given.union(*(loss.data_access for loss in distillation.objective.terms.values()))
    return given | seen_in(data.data_access, distillation.objective.reads_labels)
