"""Images whose statistics are as near to the teacher's as those of their batch."""

from statistics import median

from diode_pl.data.accept.base import Judge, Record, Rule, Verdict


class BatchNormDistance(Rule):
    """Accepts images that are not much further from the teacher's batch norm statistics than their batch.

    The records keep the distance of each single image, in standard deviations. How large it is depends on the detector,
    the resolution and the objects; so it is compared with the median of the batch.

    Args:
        factor: of the median, >= 1.

    Raises:
        ValueError: if ``factor`` is below 1.

    Example:
        >>> record = {"images": [{}] * 3, "norm_distances": [0.5, 0.6, 1.5]}
        >>> BatchNormDistance(factor=2).start()(record)[2].image
        'batch norm distance 1.5, 2.5 times that of its batch'
    """

    def __init__(self, factor: float | int = 2.0) -> None:
        if not factor >= 1:
            raise ValueError(f"factor must be >= 1, got {factor}")
        self.factor = factor

    def start(self) -> Judge:
        return self._judge

    def _judge(self, record: Record) -> list[Verdict]:
        distances = record.get("norm_distances")
        if not distances:
            return [Verdict()] * len(record["images"])
        middle = median(distances)
        return [
            Verdict(
                f"batch norm distance {each:.3g}, {each / middle:.2g} times that of its batch"
                if middle and each > self.factor * middle
                else None
            )
            for each in distances
        ]
