"""What a student sees in a training."""

from diode_pl.data import DetectionData
from diode_pl.distillation.module import Distillation
from diode_pl.provenance import Provenance


def provenance_of(distillation: Distillation, data: DetectionData) -> Provenance:
    """What a student has seen after this training, including what its weights have seen before."""
    objective, before = distillation.objective, distillation.student.provenance
    seen = Provenance(teacher=distillation.teacher is not None) | (before or Provenance())
    for loss in objective.terms.values():
        seen |= loss.provenance
    return seen | data.provenance.with_labels(read=objective.reads_labels)
