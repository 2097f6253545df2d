"""The weights that torchvision publishes, as files on this machine."""

import hashlib
from http.client import HTTPException
from pathlib import Path

import torch
from torchvision.models import WeightsEnum
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, RetinaNet_ResNet50_FPN_Weights

from diode_pl.detector.download import DownloadError, find_file

_FOLDER = "torchvision"


def pretrained_file(weights: WeightsEnum) -> Path:
    """Path of a file of torchvision's, which is downloaded if it is not on this machine yet.

    Looked for in ``$DIODE_WEIGHTS/torchvision/``, then where torch keeps what it downloads:
    ``$TORCH_HOME/hub/checkpoints/``, by default in ``~/.cache/torch/``.

    Raises:
        DownloadError: DIODE_WEIGHTS does not name a folder, the download failed, or the file does not have the
            checksum in its name; says what to put where.
    """
    file = weights.url.rsplit("/", 1)[1]
    path = find_file(file, _FOLDER) or Path(torch.hub.get_dir()) / "checkpoints" / file
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(weights.url, str(path), _checksum(weights))
        except (OSError, RuntimeError, HTTPException) as error:
            raise DownloadError(
                f"cannot download {file} from {weights.url}: {error}. Try again, or get the file by other means and "
                f"put it at {path} or $DIODE_WEIGHTS/{_FOLDER}/{file}, or name it: teacher.weights=FILE (or "
                "student.weights, verifier.weights)"
            ) from error
    if not (found := _sha256(path)).startswith(_checksum(weights)):
        raise DownloadError(
            f"{path} is damaged or another's: has sha256 {found}, expected {_checksum(weights)}...; replace it by "
            f"{weights.url}, or remove it to have it downloaded"
        )
    return path


def pretrained_eps(path: str | Path) -> float | None:
    """What frozen norm layers add to the variance where a file is torchvision's, whatever it is called now; else None.

    Torchvision trained its first two ResNet detectors while such layers added nothing, and serves them so.
    """
    oldest = (FasterRCNN_ResNet50_FPN_Weights.COCO_V1, RetinaNet_ResNet50_FPN_Weights.COCO_V1)
    return 0.0 if _sha256(path).startswith(tuple(map(_checksum, oldest))) else None


def _checksum(weights: WeightsEnum) -> str:
    """The first digits of the file's SHA-256, which torchvision writes behind the last dash of its name."""
    return Path(weights.url).stem.rpartition("-")[2]


def _sha256(path: str | Path) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
