"""Recognises annotations in other formats than the one that is read, so that a message can name them.

A file that should have been read is recognised by its bytes. Where images have no annotation, files with other endings
are looked at too: perhaps the annotations are there.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from boxwright.catalog import formats as catalogue
from boxwright.core.wording import few, plural
from boxwright.dataset import formats, walk

# Endings of annotations in other formats.
ENDINGS = (".json", ".jsonl", ".txt", ".csv")

# Files of each ending that are opened at most; the others are taken to be like them.
_MOST = 200

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
