"""Event files of TensorBoard, read back."""

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

_ALL = {"scalars": 0, "images": 0, "tensors": 0}


def read_events(folder: Path) -> EventAccumulator:
    """All events of a folder."""
    events = EventAccumulator(str(folder), size_guidance=_ALL)
    events.Reload()
    return events


def scalars(events: EventAccumulator, name: str) -> list[tuple[int, float]]:
    """Steps and values under a name."""
    return [(event.step, event.value) for event in events.Scalars(name)]


def text(events: EventAccumulator, name: str) -> str:
    """The last text under a name."""
    return events.Tensors(f"{name}/text_summary")[-1].tensor_proto.string_val[0].decode()


def hyperparameters(events: EventAccumulator) -> dict[str, Any]:
    """What the tab HParams shows of the configuration."""
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    start = HParamsPluginData.FromString(content).session_start_info
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}


def result_names(events: EventAccumulator) -> list[str]:
    """Names of the results that the tab HParams has a column for."""
    content = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    return [metric.name.tag for metric in HParamsPluginData.FromString(content).experiment.metric_infos]
