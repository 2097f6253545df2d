"""The card of a synthetic set, in the form of the hubs that share data sets."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from diode_pl.io.atomic import atomic_write
from diode_pl.report.page.levels import explain_level

_SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))
_SCORES = {"teacher_map50": "the teacher, on its own targets", "verifier_map50": "a verifier, which had no part in it"}
_MORE = (("resolution", "pixels across"), ("boxes_per_image", "boxes per image"))
_FILES = """\
```
images/*.png        lossless
annotations.json    COCO, with fields that COCO tools ignore: of boxes score (of the teacher's detection), origin
                    (sampled, or grown by the teacher), verifier_score, seen_by_verifier; of images and boxes
                    accepted, reason
labels/*.txt        YOLO, of all images; data.yaml names the classes
dataset.json        counts, scores, provenance
batches/*.json      how each batch was made: configuration, seed, losses, detections
report.html         images and figures on one page
```"""


def write_card(folder: Path, summary: Mapping[str, Any], configuration: Mapping[str, Any]) -> Path:
    """Writes ``DATASET_CARD.md``; as ``README.md`` of a data set on Hugging Face, its head is read as metadata.

    Args:
        folder: of the set.
        summary: content of its ``dataset.json``.
        configuration: of the run that made it.

    Returns:
        Path of the card.

    Source: huggingface.co/docs/hub/datasets-cards; Pushkarna et al., "Data Cards", FAccT 2022.
    """
    path = folder / "DATASET_CARD.md"
    text = f"---\n{yaml.safe_dump(_head(folder, summary), sort_keys=False, allow_unicode=True)}---\n\n"
    atomic_write(path, (text + "\n\n".join(_body(folder, summary, configuration)) + "\n").encode())
    return path


def _head(folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    size = next((name for name, end in _SIZES if summary["images"] < end), "n>1M")
    tags = ["synthetic", "data-free", "model-inversion", "diode_pl", *_level_tags(summary["data_access"])]
    return {
        "pretty_name": folder.resolve().name,
        "license": "unknown",
        "task_categories": ["object-detection"],
        "annotations_creators": ["machine-generated"],
        "source_datasets": [],
        "size_categories": [size],
        "tags": tags,
    }


def _level_tags(level: str) -> list[str]:
    return [part.replace(" ", "-") for part in level.split(" +")]


def _body(folder: Path, summary: Mapping[str, Any], configuration: Mapping[str, Any]) -> list[str]:
    level, name = summary["data_access"], folder.resolve().name
    teacher = summary.get("teacher", {})
    parts = [
        f"# {name}",
        "Labeled images for object detection that no camera took: they were optimized from noise until a trained "
        "detector, the teacher, saw the objects of our choice in them.",
    ]
    if not summary["complete"]:
        parts.append(f"**Not complete**: {summary['images']} of {summary['planned']['images']} images are there.")
    parts += ["## Provenance", f"**{level}**. {explain_level(level)}"]
    if weights := _name_weights(teacher.get("config")):
        parts.append(f"Teacher: `{weights}`, fingerprint `{str(teacher.get('sha256'))[:12]}`.")
    parts.append(
        "The images are made from the teacher's weights: its license, and what was agreed on the pictures that it was "
        "trained on, may bear on them. The license above is for the owner to state."
    )
    parts += ["## Counts", _table([["", "all", "accepted"], *_counts(summary)])]
    if refused := summary.get("accepted", {}).get("refused"):
        rows = [[f"`{rule}`", f"{count:,}"] for rule, count in refused.items()]
        parts += ["Images that a rule refused; all are there, marked.", _table([["rule", "images"], *rows])]
    rows = [[name, f"{count:,}"] for name, count in summary["classes"].items()]
    parts.append(_table([["class", "boxes"], *rows]))
    scores = [[words, f"{summary['scores'][key]:.3f}"] for key, words in _SCORES.items() if key in summary["scores"]]
    if scores:
        parts += ["## Scores", _table([["measured with", "mAP@0.5"], *scores])]
    return [*parts, "## Commands", "\n".join(["```bash", *_commands(configuration), "```"]), "## Files", _FILES]


def _counts(summary: Mapping[str, Any]) -> list[list[str]]:
    accepted = summary.get("accepted", {})
    rows = [[name, f"{summary[name]:,}", f"{accepted[name]:,}" if accepted else "–"] for name in ("images", "boxes")]
    return [*rows, *([words, str(summary[name]), ""] for name, words in _MORE)]


def _commands(configuration: Mapping[str, Any]) -> list[str]:
    words = configuration.get("overrides")
    made = [f"python synthesize.py {shlex.join(map(str, words))}".rstrip()] if isinstance(words, Sequence) else []
    return [*made, "python train.py +experiment=quick train.root=. train.accepted_only=true output_dir=student"]


def _name_weights(config: Any) -> str:
    """File of a detector's weights, as far as its configuration says."""
    weights = config.get("weights") if isinstance(config, Mapping) else None
    name = weights.get("name") if isinstance(weights, Mapping) else weights
    return Path(name).name if isinstance(name, str) else ""


def _table(rows: Sequence[Sequence[str]]) -> str:
    first, *others = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([first, "|" + "---|" * len(rows[0]), *others])
