"""Data access levels in words."""

from diode_pl.provenance import Provenance

_WORDS = {
    "verifier": "a second detector scored the images and did not shape them",
    "proxy images": "pictures of other things",
    "noise": "images of noise",
    "real labels": "real labels",
    "real images": "real images",
    "number of real objects per image": "how many objects real images show",
    "external classifier": "a classifier that was trained elsewhere",
    "given weights": "weights that do not say what they were trained on",
    "weights of the teacher": "channels of the teacher's layers",
}


def explain_level(level: str) -> str:
    """One sentence that says what a data access level means.

    Example:
        >>> explain_level("teacher +verifier")
        'Used: the weights of the teacher; a second detector scored the images and did not shape them. Nothing else.'
        >>> explain_level("no teacher +real images")
        'Used: real images; no teacher. Nothing else.'
    """
    provenance = Provenance.parse(level)
    parts = ["the weights of the teacher"] * bool(provenance.teacher)
    parts += [_WORDS.get(part, part) for part in sorted(provenance.others)]
    parts += ["no teacher"] * (provenance.teacher is False)
    return f"Used: {'; '.join(parts)}. Nothing else." if parts else "It is not recorded what was used."
