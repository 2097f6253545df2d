"""Reading of text files that people write."""

from pathlib import Path


def read_text(path: str | Path) -> str:
    """Content of a text file in UTF-8, without the byte order mark that some editors put in front.

    Raises:
        ValueError: if it is in another encoding; the message names the byte and the way out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.names")
        >>> _ = path.write_text("mug", encoding="utf-8-sig")
        >>> read_text(path)
        'mug'
    """
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8")
        place = data.find(0)  # plain English in UTF-16 is valid UTF-8, with zeros
    except UnicodeDecodeError as error:
        text, place = "", error.start
    if place >= 0:
        encoding = "UTF-16" if 0 in data else "LATIN1"
        raise ValueError(
            f"{path}: byte {place} (from 0) is 0x{data[place]:02x}, so that this is not UTF-8; save it as UTF-8 in an "
            f"editor, or convert it, if it is in {encoding}: iconv -f {encoding} -t UTF-8 {path} > NEW_FILE"
        )
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
