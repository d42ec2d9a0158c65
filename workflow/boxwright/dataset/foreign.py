"""Recognises annotations in other formats than the one that is read, so that a message can name them.

A file that should have been read is recognised by its bytes. Where images have no annotation, files with other endings
are looked at too: perhaps the annotations are there. Where no file is recognised, those that may be meant are told.
"""

import json
import math
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.catalog import formats as catalogue
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural, shortened
from boxwright.dataset import formats, stated, walk
from boxwright.dataset.scan import File

# Endings of annotations in other formats.
ENDINGS = (".json", ".jsonl", ".txt", ".csv")

# Files of each ending that are opened at most; the others are taken to be like them.
_MOST = 200

# Where no file is recognised: files of each ending that are looked at and those that are named, the longest that is
# parsed, words without which JSON is not about images, and the numbers in a line that make it one of a box.
_LOOKED_AT, _NAMED = 24, 3
_LONGEST = 1 << 24
_WORDS = re.compile(rb"(?i)image|annotation|label|box|object|shape|region|polygon")
_NUMBERS = 4

# Root elements of XML formats that are not read at all.
_ROOTS = {
    b"tagset": "ICDAR word tags (XML)",
    b"PcGts": "PAGE XML",
    b"alto": "ALTO XML",
    b"opencv_storage": "OpenCV's XML storage",
    b"viper": "ViPER XML",
}
_PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*", re.DOTALL)
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)[\s/>]")


def guess(data: bytes, name: str = "") -> str:
    """The name of the format that a file seems to be in, apart from Pascal VOC, by its start; "" if none is recognised.

    `name` is the file's own; without it formats of all endings are tried.
    """
    head = data[: formats.HEAD]
    plain = head.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if (root := _ROOT.match(plain, _PROLOG.match(plain).end())) and root[1] in _ROOTS:
        return _ROOTS[root[1]]
    own = catalogue.by_ending().get(catalogue.ending(name), ()) if name else catalogue.FORMATS
    keys = [one.key for one in own if one is not catalogue.VOC]
    key = formats.recognised(head, name, formats.OR.join(keys)) if keys else ""
    return f"{catalogue.by_key()[key].name} (`{key}`)" if key else ""


class Seen(NamedTuple):
    """Files that seem to be in one other format. file: the first one, below its folder. detail: what was seen."""

    file: str
    detail: str


def look(folders: Sequence[str], read: Collection[str], results: str | None = None) -> list[Seen]:
    """The other formats of the files below some folders, one entry each; `read` are the endings of what is read.

    Files that cannot be opened are passed over, and what a run made (see `walk.walk` for `results`).
    """
    by_format: dict[str, list[str]] = {}
    for ending in [ending for ending in ENDINGS if ending not in read]:
        try:
            found = walk.walk(folders, [ending], results).found
        except OSError:
            continue
        files = [
            (folder, text.partition("\0")[0]) for folder, below in zip(folders, found, strict=True) for text in below
        ]
        last = ""
        for number, (folder, name) in enumerate(files):
            if number < _MOST:
                last = guess(formats.head(f"{folder.rstrip('/')}/{name}"), name.rpartition("/")[2])
            if last:
                by_format.setdefault(last, []).append(name)
    return [_seen(name, files) for name, files in by_format.items()]


def _seen(name: str, files: Sequence[str]) -> Seen:
    others = f", and so do {plural(len(files) - 1, 'other file')} ({few(files[1:], limit=2)})" if files[1:] else ""
    return Seen(files[0], f"it seems to be {name}{others}".replace("and so do 1 other", "and so does 1 other"))


def meant(files: Sequence[File]) -> list[str]:
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
