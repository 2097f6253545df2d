"""``synthesize.py finish=true``: no image is made; a set is looked at, scored by another verifier, and described."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diode_pl.data.accept import Gate, Rule
from diode_pl.data.synthetic.completion import finish_set, open_set
from diode_pl.data.synthetic.records import read_record, record_paths
from diode_pl.data.synthetic.rescored import is_rescored, write_rescored
from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.io.images import read_image
from diode_pl.io.quoting import quote
from diode_pl.numerics.processes import prepare_process
from diode_pl.report.card import write_card
from diode_pl.report.page import try_write_page
from diode_pl.synthesis.results import log_next
from diode_pl.synthesis.scoring import describe_findings, match_learned, score_images
from diode_pl.targets import Targets

log = logging.getLogger(__name__)


def finish(
    folder: str | Path,
    settings: Mapping[str, Any],
    accept: Mapping[str, Rule | None] | None = None,
    verifier: Detector | None = None,
    keep_rules: bool = False,
) -> float | None:
    """Looks at every file of a set, and writes those that describe the whole, its card and its page.

    Args:
        folder: of the set.
        settings: of this command, as plain data; those of the set stand in its ``plan.json``.
        accept: rules that mark images and boxes as accepted or not.
        verifier: scores the images in place of the one that the records name; None keeps what was measured.
        keep_rules: whether ``settings["accept"]`` are the rules of the set from now on, which ``plan.json`` states.

    Returns:
        mAP@0.5 of the verifier, or of the teacher without one; None if there is no score.

    Raises:
        ValueError: if the folder has no plan, the set is not complete, or the verifier has none of its classes.
    """
    prepare_process()
    if verifier is not None:
        score_set(folder, verifier)
    summary = finish_set(folder, Gate(accept or {}), settings["accept"] if keep_rules else None)
    dataset = open_set(folder)[0]
    write_card(Path(folder), summary, dataset.configuration)
    try_write_page(Path(folder))
    scores = summary["scores"]
    log.info("%s: %s", folder, ", ".join(f"{name} {value:.3f}" for name, value in scores.items()) or "no scores")
    if "accepted" in summary:
        log.info("%s: %d of %d images are accepted", folder, summary["accepted"]["images"], summary["images"])
    log_next(folder, dataset.class_names)
    return scores.get("verifier_map50", scores.get("teacher_map50"))


def score_set(folder: str | Path, verifier: Detector) -> None:
    """Scores the images of a set by another verifier; what it finds goes to ``scores/``, beside the records.

    Batches that it has scored before are skipped, so that a call that was stopped goes on.

    Raises:
        ValueError: if the folder has no plan, the verifier has none of its classes, or takes no images of their size.
    """
    dataset, _ = open_set(folder)
    labels, sha256 = match_learned(verifier, dataset.class_names), verifier.fingerprint()
    if max(labels) < 0:
        raise ValueError(
            f"verifier: it has none of the classes of {folder}, {quote(list(dataset.class_names))}; it has "
            f"{quote(list(verifier.class_names))}"
        )
    verifier = verifier.freeze().to("cuda" if torch.cuda.is_available() else "cpu")
    device = next(verifier.parameters()).device
    for path in record_paths(dataset.folder):
        entries = read_record(path, len(dataset.class_names))["images"]
        if is_rescored(path, entries, sha256):
            continue
        InputSize.from_detectors({"verifier": verifier}).check("resolution", entries[0]["width"])
        images = torch.stack([read_image(dataset.folder / "images" / entry["file_name"]) for entry in entries])
        targets = Targets.from_images([_to_target(entry) for entry in entries])
        score, found = score_images("verifier", verifier, images.to(device), targets, labels)
        size = (images.shape[2], images.shape[3])
        notes = describe_findings({"verifier": found}, size, {"verifier": labels})
        write_rescored(path, entries, sha256, notes | {"scores": {} if score is None else {"verifier_map50": score}})


def _to_target(entry: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    boxes = torch.tensor(entry["boxes"], dtype=torch.float64).reshape(-1, 4)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
    return (corners / torch.tensor([entry["width"], entry["height"]] * 2)).float(), torch.tensor(entry["labels"]).long()
