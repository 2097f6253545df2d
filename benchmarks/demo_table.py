"""What a synthesis and the training after it came to: scores, seconds, what was seen, where the pictures are.

python benchmarks/demo_table.py IMAGES STUDENT
"""

import argparse
import json
from pathlib import Path

from safetensors import safe_open

from diode_pl.io.assets import asset


def rows(images: dict, student: dict) -> list[list[str]]:
    """Detector, score on the synthetic images, score on validation images."""

    def score(values: dict, name: str) -> str:
        return f"{values[name]:.3f}" if name in values else "–"

    return [
        ["teacher", score(images["scores"], "teacher_map50"), score(student["teacher"], "AP50")],
        ["verifier, which had no part in it", score(images["scores"], "verifier_map50"), _verifier()],
        ["student, from scratch on these images", "–", score(student["student"], "AP50")],
    ]


def _verifier() -> str:
    """What was measured when the embedded verifier was trained."""
    with safe_open(asset("yolov3_res_shapes.safetensors"), "pt") as weights:
        return f"{float(weights.metadata()['AP50']):.3f}"


def main() -> None:
    """Prints the table and the paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="output_dir of synthesize.py")
    parser.add_argument("student", type=Path, help="output_dir of train.py")
    folders = parser.parse_args()
    images = json.loads((folders.images / "dataset.json").read_text(encoding="utf-8"))
    student = json.loads((folders.student / "metrics.json").read_text(encoding="utf-8"))
    table = [["AP at IoU 0.5", "synthetic images", "validation images"], *rows(images, student)]
    widths = [max(len(row[i]) for row in table) for i in range(3)]
    print()
    for row in table:
        print("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    print(
        f"\n  {images['images']} images in {images['seconds']:.0f} s, all processes together, "
        f"{student['epochs']} epochs in {student['seconds']:.0f} s; the student has seen: {student['data_access']}\n"
    )
    for picture in (folders.images / "contact_sheet.png", folders.student / "predictions.png"):
        print(f"  {picture}")
    print(f"  {folders.student / 'curves.png'}")


if __name__ == "__main__":
    main()
