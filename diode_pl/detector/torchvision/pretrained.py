"""The weights that torchvision publishes, as files on this machine."""

from pathlib import Path

import torch
from torchvision.models import WeightsEnum
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, RetinaNet_ResNet50_FPN_Weights

from diode_pl.detector.download import DownloadError, download_file, sha256_of


def pretrained_file(weights: WeightsEnum) -> Path:
    """Path of one of torchvision's files, which is downloaded if it is not on this machine yet.

    Looked for in ``$DIODE_WEIGHTS/torchvision/``, then where torch keeps what it downloads:
    ``$TORCH_HOME/hub/checkpoints/``, by default in ``~/.cache/torch/``.

    Raises:
        DownloadError: DIODE_WEIGHTS is not a folder, the download failed, or the file does not have the checksum in
            its name; the message says what to put where.
    """
    file, cache = weights.url.rsplit("/", 1)[1], Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return download_file(file, "torchvision", weights.url, _checksum(weights), cache=cache)
    except DownloadError as error:
        raise DownloadError(f"{error}; or give its path as weights") from error


def pretrained_eps(path: str | Path) -> float | None:
    """What frozen norm layers add to the variance if a file is torchvision's, whatever it is called now; else None.

    Torchvision trained its first two ResNet detectors while such layers added nothing, and serves them so.
    """
    oldest = (FasterRCNN_ResNet50_FPN_Weights.COCO_V1, RetinaNet_ResNet50_FPN_Weights.COCO_V1)
    return 0.0 if sha256_of(path).startswith(tuple(map(_checksum, oldest))) else None


def _checksum(weights: WeightsEnum) -> str:
    """The first digits of the file's SHA-256, which torchvision writes behind the last dash of its name."""
    return Path(weights.url).stem.rpartition("-")[2]
