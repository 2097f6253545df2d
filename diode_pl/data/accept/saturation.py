"""Images with few colors at the ends of their range."""

from diode_pl.data.accept.base import Judge, Record, Rule, Verdict


class Saturation(Rule):
    """Accepts images of which few color values are 0 or 255, where the optimization was cut off.

    Args:
        most: share of the color values, in [0, 1].

    Raises:
        ValueError: if ``most`` is out of range.

    Example:
        >>> Saturation(most=0.5).start()({"images": [{}, {}], "saturation": [0.25, 0.75]})[1].image
        '75% of the color values are 0 or 255'
    """

    def __init__(self, most: float | int = 0.5) -> None:
        if not 0 <= most <= 1:
            raise ValueError(f"most must be in [0, 1], got {most}")
        self.most = most

    def start(self) -> Judge:
        return self._judge

    def _judge(self, record: Record) -> list[Verdict]:
        shares = record.get("saturation", [0.0] * len(record["images"]))
        words = "{:.0%} of the color values are 0 or 255"
        return [Verdict(words.format(share) if share > self.most else None) for share in shares]
