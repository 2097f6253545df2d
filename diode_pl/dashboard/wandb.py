"""Runs on Weights & Biases."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from diode_pl.dashboard.artifact import Artifact
from diode_pl.dashboard.base import Cell, Dashboard, RunCard
from diode_pl.dashboard.configuration import drop_repeats
from diode_pl.dashboard.picture import Boxes, Picture
from diode_pl.dashboard.run_id import RunId
from diode_pl.io.images import to_pillow
from diode_pl.io.quoting import shorten

log = logging.getLogger(__name__)

_LONGEST, _LONGEST_TAG = 128, 64  # characters of names and groups, and of tags, as W&B takes them
_STEP = "trainer/global_step"  # Lightning's name of the axis


class Wandb(Dashboard):
    """One run per job on Weights & Biases; a job that is continued in its folder continues the run by its id.

    Lightning's logger is inside, for numbers and for several processes. It is opened when the job begins, not when it
    is built: only then is the id known.

    Args:
        project: to which the run belongs.
        entity: user or team; None is that of the login.
        name: of the run; None lets W&B make one up.
        group: of runs that belong together, such as the jobs of a sweep.
        tags: words by which runs are found.
        id: of a run to continue; None is the run of ``save_dir``, or a new one.
        save_dir: folder in which ``wandb/`` lies.
        offline: writes to the disk alone.
        upload: whether data set, student and ONNX file are uploaded; otherwise their paths and hashes are.
    """

    def __init__(
        self,
        project: str = "diode_pl",
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        tags: Sequence[str] = (),
        id: str | None = None,
        save_dir: str | Path = ".",
        offline: bool = False,
        upload: bool = True,
    ) -> None:
        super().__init__()
        self.project, self.entity, self.tags, self.id = project, entity, tags, id
        self.title, self.group = name and name[:_LONGEST], group and group[-_LONGEST:]
        self.folder, self.offline, self.upload = Path(save_dir), offline, upload
        self._logger: WandbLogger | None = None
        self._run_id: RunId | None = None
        self._charted = dict[str, int]()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Wandb":
        """The same: a copy of a module, as an average of its weights keeps one, is not another run."""
        return self

    @property
    def name(self) -> str:
        """The project, as Lightning has it."""
        return self.project

    @property
    def version(self) -> str | None:
        """The id of the run, once it is open."""
        return None if self._logger is None else self._logger.version

    @property
    def experiment(self) -> Any:
        """The run of the package ``wandb``."""
        return self._open("run", {}).experiment

    def begin(self, card: RunCard) -> None:
        self._open(card.job, drop_repeats(card.configuration))

    def _open(self, job: str, configuration: Mapping[str, Any]) -> WandbLogger:
        if self._logger is not None:
            return self._logger
        import wandb  # here: other loggers do not wait for it
        from wandb.errors import CommError, UsageError

        self.folder.mkdir(parents=True, exist_ok=True)
        self._run_id = RunId(self.folder / "wandb" / f"{job}.id")
        try:
            # Lightning's own option for it would keep all later runs of this process offline, too.
            mode: Any = "offline" if self.offline else None
            run = wandb.init(
                project=self.project,
                entity=self.entity,
                name=self.title,
                group=self.group,
                tags=_fit(self.tags),
                job_type=job,
                id=self.id or self._run_id.take(),
                resume="allow",
                dir=self.folder,
                mode=mode,
                config=dict(configuration),
            )
        except (UsageError, CommError) as error:
            self._run_id.release()
            reason = shorten(str(error).strip().partition("\n")[0].rstrip("."))
            raise ValueError(
                f"W&B refuses the run: {reason}. `wandb login` stores the key of an account, logger.wandb.offline=true "
                "writes to the disk alone"
            ) from error
        run.define_metric(_STEP)
        run.define_metric("*", step_metric=_STEP, step_sync=True)
        self._logger = WandbLogger(experiment=run, save_dir=self.folder, project=self.project)
        return self._logger

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._open("run", {}).log_metrics(metrics, step)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self._open("run", {}).log_hyperparams(params)

    def add_tags(self, tags: Sequence[str]) -> None:
        self.experiment.tags = _fit([*(self.experiment.tags or ()), *tags])

    def log_pictures(self, name: str, pictures: Sequence[Picture], class_names: Sequence[str], step: int) -> None:
        import wandb

        names = dict(enumerate(class_names))
        shown = []
        for each in pictures:
            layers = {
                layer: {"box_data": _describe(boxes, class_names), "class_labels": names}
                for layer, boxes in each.layers.items()
            }
            shown.append(wandb.Image(to_pillow(each.image), boxes=layers, caption=each.caption, file_type="png"))
        self.experiment.log({name: shown, _STEP: step})

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], step: int) -> None:
        import wandb

        table = wandb.Table(columns=list(columns), data=[list(row) for row in rows], allow_mixed_types=True)
        self.experiment.log({name: table, _STEP: step})

    def log_chart(self, name: str, lines: Mapping[str, Sequence[tuple[float, float]]], step: int) -> None:
        import wandb

        chart = wandb.plot.line_series(
            xs=[[x for x, _ in points] for points in lines.values()],
            ys=[[y for _, y in points] for points in lines.values()],
            keys=list(lines),
            title=name,
            xname="epoch",
        )
        self.experiment.log({f"charts/{name}": chart, _STEP: step})

    def summarize(self, values: Mapping[str, Cell]) -> None:
        self.experiment.summary.update({name if "/" in name else f"result/{name}": values[name] for name in values})

    def log_artifact(self, artifact: Artifact) -> None:
        self.experiment.log_artifact(self._build(artifact))

    def use_artifact(self, artifact: Artifact) -> None:
        """Notes files that the run starts from; offline, where W&B cannot, only what is made of them names them."""
        if self.offline or self.experiment.offline:
            log.info(
                "wandb: offline, W&B draws no line from %s to this run; what is made of it names it", artifact.name
            )
            config = self.experiment.config
            names = dict.fromkeys([*config.get("made_from", ()), artifact.name])  # each once
            config.update({"made_from": list(names)}, allow_val_change=True)
        else:
            # Built anew of the same files it is the same artifact, also where the run that made it was not logged.
            self.experiment.use_artifact(self._build(artifact))

    def _build(self, artifact: Artifact) -> Any:
        import wandb

        facts = {**artifact.facts, "made_from": list(artifact.made_from)}
        built = wandb.Artifact(artifact.name, type=artifact.kind, metadata=facts)
        for path in artifact.paths:
            if not self.upload:
                built.add_reference(path.resolve().as_uri(), name=path.name, max_objects=10_000_000)
            elif path.is_dir():
                built.add_dir(str(path.resolve()), name=path.name, policy="immutable", skip_cache=True)
            else:
                built.add_file(str(path.resolve()), name=path.name, policy="immutable", skip_cache=True)
        return built

    def end(self, succeeded: bool) -> None:
        if self._logger is not None:
            self._logger.experiment.finish(exit_code=0 if succeeded else 1)
            self._logger = None
        if self._run_id is not None:
            self._run_id.release()


def _fit(tags: Sequence[str]) -> list[str]:
    """Tags, each once and as long as W&B takes it; of a path the end says more."""
    return list(dict.fromkeys(tag if len(tag) <= _LONGEST_TAG else f"…{tag[1 - _LONGEST_TAG :]}" for tag in tags))


def _describe(boxes: Boxes, class_names: Sequence[str]) -> list[dict[str, Any]]:
    scores = [None] * len(boxes.labels) if boxes.scores is None else boxes.scores.tolist()
    described = []
    items = zip(boxes.boxes.tolist(), boxes.labels.tolist(), scores, boxes.captions(class_names), strict=True)
    for (left, top, right, bottom), label, score, caption in items:
        position = {"minX": left, "minY": top, "maxX": right, "maxY": bottom}
        entry: dict[str, Any] = {"position": position, "class_id": label, "box_caption": caption}
        described.append(entry if score is None else entry | {"scores": {"score": score}})
    return described
