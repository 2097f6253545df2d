"""Files of torchvision's published weights."""

from pathlib import Path

import torch
from torchvision.models import WeightsEnum
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, RetinaNet_ResNet50_FPN_Weights

from diode_pl.detector.download import DownloadError, download_file, sha256_of


def find_pretrained_file(weights: WeightsEnum) -> Path:
    """Returns the path of one of torchvision's files, which is downloaded if necessary.

    The file is looked up in ``$DIODE_WEIGHTS/torchvision/``, then in torch's cache: ``$TORCH_HOME/hub/checkpoints/``,
    by default in ``~/.cache/torch/``.

    Raises:
        DownloadError: if DIODE_WEIGHTS is not a folder, the download fails, or the checksum does not match.
    """
    file, cache = weights.url.rsplit("/", 1)[1], Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return download_file(file, "torchvision", weights.url, _checksum(weights), cache=cache)
    except DownloadError as error:
        raise DownloadError(f"{error}; or give its path as weights") from error


def pretrained_eps(path: str | Path) -> float | None:
    """Epsilon of the frozen norm layers of torchvision's first two ResNet detectors, known by checksum; else None.

    They were trained without one.
    """
    oldest = (FasterRCNN_ResNet50_FPN_Weights.COCO_V1, RetinaNet_ResNet50_FPN_Weights.COCO_V1)
    return 0.0 if sha256_of(path).startswith(tuple(map(_checksum, oldest))) else None


def _checksum(weights: WeightsEnum) -> str:
    """First digits of the file's SHA-256, which end its name."""
    return Path(weights.url).stem.rpartition("-")[2]
