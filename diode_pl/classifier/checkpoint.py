"""Reading and writing of crop classifiers as .safetensors files."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from diode_pl.classifier.network import CropClassifier
from diode_pl.io.quoting import shorten
from diode_pl.io.safetensors import to_safetensors
from diode_pl.io.tensor_kinds import describe_broken, describe_other_kind
from diode_pl.io.text_files import describe_no_file
from diode_pl.provenance import Provenance

_FORMAT = "diode_pl.crop_classifier.1"


@dataclass(frozen=True)
class ClassifierCard:
    """Metadata of a classifier.

    Args:
        provenance: data access level; empty if unknown.
        accuracy: on held-out crops, in [0, 1]; None without held-out crops.
        macro_accuracy: mean accuracy over the classes with a training and a held-out crop.
        per_class: accuracy by class name; None for a class without a held-out crop.
        untrained: classes without a training crop.
        outside: whether it was trained on images that were not synthesized from a teacher.

    Example:
        >>> card = ClassifierCard(Provenance.parse("teacher-only"), accuracy=0.9, per_class={"cat": 0.9})
        >>> data = encode_classifier(CropClassifier(["cat"]), card)
    """

    provenance: Provenance = Provenance()
    accuracy: float | None = None
    macro_accuracy: float | None = None
    per_class: dict[str, float | None] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()
    outside: bool = False


def encode_classifier(classifier: CropClassifier, record: ClassifierCard) -> bytes:
    """Returns a classifier and its metadata as a .safetensors file; raises a ValueError if a number is not finite."""
    state = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in classifier.state_dict().items()
    }
    if found := describe_broken(state):
        raise ValueError(f"the classifier holds {found}")
    card = asdict(record) | {"data_access": str(record.provenance)}
    del card["provenance"]
    metadata = {"format": _FORMAT, "settings": json.dumps(classifier.settings), "record": json.dumps(card)}
    return to_safetensors(state, metadata)


def load_classifier(path: str | Path) -> tuple[CropClassifier, ClassifierCard]:
    """Loads a classifier, in eval mode, and its metadata from a file of :func:`encode_classifier`.

    Raises:
        ValueError: if the file does not exist, is damaged, or is not such a file, or if a number in it is not finite.
    """
    if not Path(path).is_file():
        raise ValueError(f"weights: {describe_no_file(path)}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"weights: {path} is damaged or not a .safetensors file ({error})") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"weights: {path} was not written by the training of a classifier; for weights of a torchvision "
            "network, set network"
        )
    try:
        card, settings = json.loads(metadata["record"]), json.loads(metadata["settings"])
        provenance = Provenance.parse(card.pop("data_access"))
        record = ClassifierCard(provenance, **card | {"untrained": tuple(card["untrained"])})
        classifier = CropClassifier(**settings)
        classifier.load_state_dict(state)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = shorten(" ".join(f"{type(error).__name__}: {error}".split()))
        raise ValueError(f"weights: {path} is damaged, or was written by a later version: {reason}") from error
    if found := describe_other_kind(classifier.state_dict(), state) or describe_broken(state):
        raise ValueError(f"weights: {path} holds {found}")
    return classifier.eval(), record
