"""Reading of text files that people write."""

import os
import stat
from pathlib import Path


def read_text(path: str | Path) -> str:
    """Content of a text file in UTF-8, without the byte order mark that some editors put in front.

    Raises:
        OSError: if it cannot be read, or is not a regular file: a pipe would be waited for, a device may never end.
        ValueError: if it is in another encoding; the message names the byte and the way out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.names")
        >>> _ = path.write_text("mug", encoding="utf-8-sig")
        >>> read_text(path)
        'mug'
    """
    require_regular(path)
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


def require_regular(path: str | Path) -> None:
    """Checks that a path is that of a regular file, to which links may lead.

    Raises:
        OSError: if it does not exist or is anything else; only the former names it.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("it is not a regular file, but a folder, a pipe, a socket or a device")


def describe_no_file(path: str | Path) -> str:
    """Says of a path that is not that of a regular file whether there is anything else.

    Example:
        >>> describe_no_file("/"), describe_no_file("/no/such")
        ('/ is not a file, but a folder, a pipe, a socket or a device', '/no/such does not exist')
    """
    path = Path(path).resolve()
    other = "is not a file, but a folder, a pipe, a socket or a device"
    return f"{path} {other if path.exists() else 'does not exist'}"


def is_word(text: str) -> bool:
    """Whether a text can be a name: it is not blank, and no half of a letter, which no file can hold.

    Example:
        >>> is_word("mug"), is_word(" "), is_word("\\ud800")
        (True, False, False)
    """
    return bool(text.strip()) and not any("\ud800" <= letter <= "\udfff" for letter in text)
