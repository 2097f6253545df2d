"""Runs in TensorBoard."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from diode_pl.dashboard.artifact import Artifact
from diode_pl.dashboard.base import Cell, Dashboard, RunCard
from diode_pl.dashboard.configuration import drop_repeats, flatten
from diode_pl.dashboard.picture import Boxes, Picture
from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import to_pillow

_CELL = 224  # pixels across a small image, so that a caption can be read


class TensorBoard(TensorBoardLogger, Dashboard):
    """Event files below ``save_dir``, a new version each time the run is continued.

    TensorBoard has no boxes, so each layer is a picture of its own; no place for files, names and tags, which are text;
    results are in the tab HParams, beside the configuration.

    Args:
        save_dir: output folder.
        name: of the folder in it.
        title: of the run.
        group: of runs that belong together, such as the jobs of a sweep.
        tags: words on the run.
    """

    def __init__(
        self,
        save_dir: str | Path,
        name: str = "logs",
        title: str | None = None,
        group: str | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        super().__init__(save_dir=save_dir, name=name, default_hp_metric=False)
        self.title, self.group, self.tags = title, group, list(tags)
        self._charts = dict[str, list[Any]]()
        self._ending: Any = None

    def begin(self, card: RunCard) -> None:
        from torch.utils.tensorboard.summary import hparams  # here: other loggers do not wait for it

        config = drop_repeats(card.configuration)
        # Without values: those come in the end, under the same names.
        results = dict.fromkeys((f"result/{name}" for name in card.results), 0.0)
        *beginning, self._ending = hparams(dict(flatten(config)), results)
        self._write(*beginning)
        title = {"job": card.job, "name": self.title, "group": self.group, "folder": str(card.folder)}
        self._write_text("run", title | {"tags": ", ".join(self.tags)})
        self._write_text("configuration", config)
        self.experiment.close()  # opened again by what comes next, perhaps in another process

    def add_tags(self, tags: Sequence[str]) -> None:
        self.tags += [tag for tag in tags if tag not in self.tags]
        self._write_text("tags", self.tags)

    def log_pictures(self, name: str, pictures: Sequence[Picture], class_names: Sequence[str], step: int) -> None:
        for each in pictures:
            layers: dict[str, Boxes | None] = {**each.layers} or {"image": None}
            for layer, boxes in layers.items():
                drawn = _draw(to_pillow(each.image), boxes, class_names)
                tag = f"{name}/{each.caption}/{layer}"
                self.experiment.add_image(tag, np.array(drawn), step, dataformats="HWC")

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], step: int) -> None:
        lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += ["| " + " | ".join(map(_show, row)) + " |" for row in rows]
        self.experiment.add_text(name, "\n".join(lines), step)

    def log_chart(self, name: str, lines: Mapping[str, Sequence[tuple[float, float]]], step: int) -> None:
        """Says in the tab Custom Scalars which of the numbers that are logged are lines of one chart."""
        chart = ["Multiline", [f"^{re.escape(line)}$" for line in lines]]
        if self._charts.get(name) != chart:
            self._charts[name] = chart
            self.experiment.add_custom_scalars({"charts": self._charts})

    def summarize(self, values: Mapping[str, Cell]) -> None:
        for name, value in values.items():
            if isinstance(value, int | float) and "/" not in name:
                self.experiment.add_scalar(f"result/{name}", value)
        self._write_text("result", dict(values))

    def log_artifact(self, artifact: Artifact) -> None:
        self._note("made", artifact)

    def use_artifact(self, artifact: Artifact) -> None:
        self._note("used", artifact)

    def _note(self, how: str, artifact: Artifact) -> None:
        facts = {**artifact.facts, "made_from": artifact.made_from, "paths": [str(path) for path in artifact.paths]}
        self._write_text(f"artifacts/{how}/{artifact.name}", {"kind": artifact.kind, **facts})

    def end(self, succeeded: bool) -> None:
        if succeeded:
            self._write(self._ending)
        self.experiment.close()

    @rank_zero_only
    def save(self) -> None:
        """Writes to the disk what was logged; the configuration is in the events, not in a file beside them."""
        self.experiment.flush()

    def _write(self, *summaries: Any) -> None:
        from torch.utils.tensorboard import FileWriter

        writer = FileWriter(self.log_dir)
        for summary in summaries:
            writer.add_summary(summary)
        writer.close()

    def _write_text(self, name: str, content: Any) -> None:
        self.experiment.add_text(name, f"```\n{json.dumps(content, indent=1, default=str)}\n```")


def _draw(picture: Image.Image, boxes: Boxes | None, class_names: Sequence[str]) -> Image.Image:
    factor = max(1.0, _CELL / min(picture.size))
    picture = picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC)
    if boxes is not None:
        edges = boxes.boxes * boxes.boxes.new_tensor([picture.width, picture.height] * 2)
        draw_boxes(picture, edges.tolist(), boxes.labels.tolist(), boxes.captions(class_names))
    return picture


def _show(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell)
