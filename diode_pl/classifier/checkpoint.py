"""Crop classifiers as files of their own."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from diode_pl.classifier.network import CropClassifier
from diode_pl.io.safetensors import to_safetensors
from diode_pl.provenance import Provenance

_FORMAT = "diode_pl.crop_classifier.1"


@dataclass(frozen=True)
class ClassifierCard:
    """What is known of a classifier beside its weights.

    Args:
        provenance: what it has seen; empty if that is not known.
        accuracy: share of the held-out crops that it names right, in [0, 1]; None where none were held out.
        macro_accuracy: the mean of that share over the classes with a training and a held-out crop.
        per_class: that share by class; None for a class without a held-out crop.
        untrained: classes that it was shown no crop of.
        outside: whether it learned from images that were not made from a teacher.
    """

    provenance: Provenance = Provenance()
    accuracy: float | None = None
    macro_accuracy: float | None = None
    per_class: dict[str, float | None] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()
    outside: bool = False


def encode_classifier(classifier: CropClassifier, record: ClassifierCard) -> bytes:
    """A classifier and what is known of it as the content of a .safetensors file.

    Raises:
        ValueError: a weight is not finite.
    """
    state = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in classifier.state_dict().items()
    }
    if broken := [name for name, value in state.items() if not bool(torch.isfinite(value).all())]:
        raise ValueError(f"{broken[0]} is not finite, so that the classifier would be of no use")
    known = asdict(record) | {"data_access": str(record.provenance)}
    del known["provenance"]
    metadata = {"format": _FORMAT, "settings": json.dumps(classifier.settings), "record": json.dumps(known)}
    return to_safetensors(state, metadata)


def load_classifier(path: str | Path) -> tuple[CropClassifier, ClassifierCard]:
    """What a file of :func:`to_safetensors` holds.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    if not Path(path).is_file():
        raise ValueError(f"weights: {Path(path).resolve()} does not exist")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"weights: {path} is damaged or no .safetensors file ({error})") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"weights: {path} was not written by the training of a classifier; weights of torchvision's networks "
            "are read into the one that the key network gives"
        )
    known = json.loads(metadata["record"])
    seen = Provenance.parse(known.pop("data_access"))
    record = ClassifierCard(seen, **known | {"untrained": tuple(known["untrained"])})
    classifier = CropClassifier(**json.loads(metadata["settings"]))
    classifier.load_state_dict(load_file(path))
    return classifier.eval(), record
