"""Weights that come with the package: a teacher and a verifier for the embedded world."""

from pathlib import Path


def asset(name: str) -> Path:
    """Path of a file that comes with the package.

    Raises:
        ValueError: if there is no file of that name.
    """
    folder = Path(__file__).parent
    if not (folder / name).is_file():
        own = sorted(path.name for path in folder.glob("*.safetensors"))
        raise ValueError(f"diode_pl/io/assets holds no {name}; it holds {', '.join(own) or 'nothing'}")
    return folder / name
