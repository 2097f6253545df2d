"""Images that look like an earlier one."""

from collections import defaultdict

from diode_pl.data.accept.base import Judge, Record, Rule, Verdict

_BITS, _DIGITS = 64, 16


class NearDuplicates(Rule):
    """Accepts of images that look alike the first one of the set.

    Two look alike if the 64 bits of :func:`~diode_pl.data.synthetic.pixels.describe_pixels` differ in few. If they
    differ in n bits, one of n + 1 parts is equal: only images with an equal part are compared, so that the time grows
    with the number of images and not with its square.

    Args:
        bits: that may differ, from 0 to 15.

    Raises:
        ValueError: if ``bits`` is out of range.

    Source: "difference hash" as N. Krawetz describes it, hackerfactor.com, 2013.

    Example:
        >>> hashes = ["00000000000000ff", "ffff0000ffff0000", "00000000000000fe"]
        >>> entries = [{"file_name": f"{i}.png"} for i in range(3)]
        >>> NearDuplicates().start()({"images": entries, "hashes": hashes})[2].image
        'looks like 0.png'
    """

    def __init__(self, bits: int = 3) -> None:
        if type(bits) is not int or not 0 <= bits < _DIGITS:
            raise ValueError(f"bits must be an integer from 0 to {_DIGITS - 1}, got {bits!r}")
        self.bits = bits

    def start(self) -> Judge:
        parts = self.bits + 1
        ends = [_BITS * i // parts for i in range(parts + 1)]
        names, hashes = list[str](), list[int]()  # of the images that are accepted
        by_part = [defaultdict[int, list[int]](list) for _ in range(parts)]

        def judge(record: Record) -> list[Verdict]:
            verdicts = list[Verdict]()
            for entry, digits in zip(record["images"], record.get("hashes", ()), strict=False):
                value = int(digits, 16)
                keys = [value >> low & (1 << high - low) - 1 for low, high in zip(ends, ends[1:], strict=False)]
                near = (i for known, key in zip(by_part, keys, strict=True) for i in known.get(key, ()))
                alike = next((i for i in near if (hashes[i] ^ value).bit_count() <= self.bits), None)
                verdicts.append(Verdict(None if alike is None else f"looks like {names[alike]}"))
                if alike is None:
                    for known, key in zip(by_part, keys, strict=True):
                        known[key].append(len(hashes))
                    names.append(entry["file_name"])
                    hashes.append(value)
            return verdicts or [Verdict()] * len(record["images"])

        return judge
