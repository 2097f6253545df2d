"""Data sets written by ``synthesize.py``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.data.readers.coco import Coco
from diode_pl.detector import Detector
from diode_pl.io.json_file import read_json
from diode_pl.io.split_path import resolve_path
from diode_pl.provenance import Provenance

_FILES = ("annotations.json", "dataset.json")


class Synthetic(Coco):
    """A synthetic set, with the provenance that its ``dataset.json`` states.

    Args:
        root: output folder of ``synthesize.py``.
        split: replaces ``{split}`` in ``root``.
        resolution, limit, labeled, max_bad: see :class:`ImageFiles`.
        check_teacher: False lets a teacher other than the recorded one label the images.
        partial: True takes a set that is not complete.
        accepted_only: True leaves out images and boxes that its rules did not accept.

    Raises:
        ValueError: if the folder does not hold a finished synthetic set, too much of it is bad, or only accepted images
            are wanted and it does not say which are, or none is.

    Example:
        >>> import tempfile; from diode_pl.data.synthetic.coco_writer import to_coco_json
        >>> root = Path(tempfile.mkdtemp()); (root / "images").mkdir()
        >>> entry = {"id": 1, "file_name": "1.png", "width": 8, "height": 8, "labels": [0], "boxes": [[0, 0, 4, 8]]}
        >>> _ = (root / "annotations.json").write_bytes(to_coco_json([entry], ["mug"]))
        >>> _ = (root / "dataset.json").write_text('{"data_access": "teacher-only"}')
        >>> len(images := Synthetic(root, resolution=64)), str(images.provenance)
        (1, 'teacher-only')
    """

    def __init__(
        self,
        root: str | Path,
        resolution: int,
        split: str | None = None,
        limit: int | None = None,
        labeled: bool = True,
        max_bad: int = 10,
        check_teacher: bool = True,
        partial: bool = False,
        accepted_only: bool = False,
    ) -> None:
        self.root = folder = resolve_path(root, split)
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ValueError(
                f"root: {folder} is not a finished synthetic set, {' and '.join(missing)} not found. "
                f"A synthesis into {folder} makes one, or continues one that was interrupted"
            )
        try:
            record = read_json(folder / "dataset.json")
            level = record["data_access"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"root: {folder / 'dataset.json'} does not say what the images were made from (data_access): "
                f"{type(error).__name__}: {error}. The command that made the set, given again, writes it anew"
            ) from error
        if not partial and record.get("complete") is False:
            present, planned = record.get("images"), (record.get("planned") or {}).get("images")
            raise ValueError(
                f"root: {folder} is not complete, it holds {present} of {planned} planned images. The command that "
                "made it, given again, makes the rest; partial=True takes those that are there"
            )
        accepted = record.get("accepted")
        if accepted_only and not isinstance(accepted, dict):
            raise ValueError(
                f"accepted_only: {folder} does not say which images are accepted. python synthesize.py finish=true "
                f"accept=teacher output_dir={folder} does, and makes no image"
            )
        if accepted_only and not accepted["images"]:
            raise ValueError(
                f"accepted_only: of {folder} no image is accepted; refused by {accepted['refused']}. The same images "
                f"with other rules: python synthesize.py finish=true accept=[saturation] output_dir={folder}"
            )
        seen = Provenance.parse(str(accepted["data_access"] if accepted_only else level))
        skip = _is_refused if accepted_only else None
        super().__init__(
            folder, None, "images", "annotations.json", resolution, seen, limit, labeled, max_bad, skip=skip
        )
        self._teacher = record.get("teacher", {}).get("sha256") if check_teacher else None

    def require_teacher(self, teacher: Detector) -> None:
        if self._teacher not in (None, found := teacher.fingerprint()):
            raise ValueError(
                f"teacher: its weights have the fingerprint {found[:12]}, the detector that the images of {self.root} "
                f"were made from {self._teacher[:12]}. train.py takes that one unless another is chosen; "
                "check_teacher=False allows any"
            )


def _is_refused(entry: Mapping[str, Any]) -> bool:
    """Whether an image or a box of the annotations is marked as not accepted."""
    return entry.get("accepted") is False
