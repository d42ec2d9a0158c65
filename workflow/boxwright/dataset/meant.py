"""Describes files that no format recognises and that may be meant as annotations, so that a message can name them."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from boxwright.catalog import formats as catalogue
from boxwright.core.errors import UserError
from boxwright.core.wording import few, shortened
from boxwright.dataset import formats, stated
from boxwright.dataset.scan import File

# Files of each ending that are looked at, and those that are named.
_LOOKED_AT, _NAMED = 24, 3
# The longest JSON that is parsed, in bytes, and words without which it is not about images.
_LONGEST = 1 << 24
_WORDS = re.compile(rb"(?i)image|annotation|label|box|object|shape|region|polygon")
# So many numbers in a line make it one of a box.
_NUMBERS = 4


def described(files: Sequence[File]) -> list[str]:
    """Of files that no format recognises, those that may be meant as annotations, each with what it is; a few only."""
    by_ending: dict[str, list[File]] = {}
    for file in files:
        if not catalogue.explains(file.base) and not file.stamp.startswith("0 "):
            by_ending.setdefault(catalogue.ending(file.base), []).append(file)
    found = []
    for ending, of_ending in by_ending.items():
        said = [
            f"{file.relative}: {what}" for file in of_ending[:_LOOKED_AT] if (what := _described(file.path, ending))
        ]
        found += said[:_NAMED]
        if len(said) > _NAMED:
            found.append(f"and more that end in {ending}")
    return found


def _described(path: str, ending: str) -> str:
    """What a file is, a clause; "" if it does not look like annotations."""
    head = formats.head(path)
    lines = [line for _, line in stated.lines(head)]
    first = f"its first line is {shortened(lines[0], 80)!r}" if lines else ""
    if ending == ".json":
        return _of_json(path) if _WORDS.search(stated.plain(head)) else ""
    if ending == ".txt":
        return first if lines and all(map(_has_numbers, lines[:-1] or lines)) else ""
    return first if ending in (".csv", ".tsv", ".jsonl", ".ndjson", ".manifest") else ""


def _of_json(path: str) -> str:
    """What the JSON in a file is; "" for one that is too long to be looked into."""
    try:
        data = Path(path).read_bytes() if Path(path).stat().st_size <= _LONGEST else b""
        said = stated.parse_json(data) if data else None
    except OSError:
        return ""
    except UserError as error:
        return str(error)
    if isinstance(said, dict):
        return f"it is JSON, an object with the keys {few(list(_shown(said)), limit=6)}" if said else ""
    if isinstance(said, list) and said and isinstance(said[0], dict):
        return f"it is JSON, a list of objects with the keys {few(list(_shown(said[0])), limit=6)}"
    return ""


def _shown(said: dict) -> Iterator[str]:
    """The keys of an object as they can be printed."""
    return (shortened(json.dumps(key)[1:-1], 40) for key in said)


def _has_numbers(line: str) -> bool:
    return sum(not math.isnan(stated.number(word)) for word in re.split(r"[\s,;]+", line)) >= _NUMBERS
