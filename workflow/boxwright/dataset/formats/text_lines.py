"""Text as annotation tools write it, line by line, with the numbers of the lines for messages."""

import codecs
import math

from boxwright.core.errors import UserError
from boxwright.core.wording import few

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Mistakes of one file that a message shows.
_MOST_SHOWN = 5


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, with a mark or without, UTF-16 with a mark, else the Western code page of Windows."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def numbered(data: bytes) -> list[tuple[int, str]]:
    """The lines that are not blank, without white space at their ends, each with its number counted from 1."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def number(text: str) -> float:
    """A number, NaN for everything else."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def refuse(mistakes: list[str]) -> None:
    """Raise UserError if there are mistakes, clauses such as "line 3 has 4 values, not 15"."""
    if mistakes:
        raise UserError(few(mistakes, limit=_MOST_SHOWN))
