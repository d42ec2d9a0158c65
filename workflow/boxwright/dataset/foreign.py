"""Recognises annotation formats that boxwright does not read, so that a message can name them.

A file that should have been read is recognised by its bytes. Where images have no annotation, files with other endings
are looked at too: perhaps the annotations are there, in a format that is not read.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.core.wording import few, plural
from boxwright.dataset import walk

# Endings of annotations in other formats.
ENDINGS = (".json", ".jsonl", ".txt", ".csv")

# A format is recognised by the start of a file (bytes).
_HEAD = 8192
# Files of each ending that are opened at most; the others are taken to be like them.
_MOST = 200

# Root elements of XML formats.
_ROOTS = {
    b"annotations": "CVAT for images (XML)",
    b"dataset": "dlib's imglab (XML)",
    b"tagset": "ICDAR word tags (XML)",
    b"PcGts": "PAGE XML",
    b"alto": "ALTO XML",
    b"opencv_storage": "OpenCV's XML storage",
    b"viper": "ViPER XML",
}
_PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*", re.DOTALL)
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)[\s/>]")

# Keys that occur together at the start of JSON files, the most telling first.
_KEYS = (
    ((b'"shape_attributes"',), "VGG Image Annotator (JSON)"),
    ((b'"_via_settings"',), "VGG Image Annotator (JSON)"),
    ((b'"shapes"', b'"points"'), "LabelMe (JSON)"),
    ((b'"imagePath"', b'"shapes"'), "LabelMe (JSON)"),
    ((b'"asset"', b'"regions"'), "VoTT (JSON)"),
    ((b'"from_name"', b'"to_name"'), "Label Studio (JSON)"),
    ((b'"classTitle"',), "Supervisely (JSON)"),
    ((b'"image"', b'"annotations"', b'"coordinates"'), "CreateML (JSON)"),
    ((b'"images"', b'"file_name"'), "COCO (JSON)"),
    ((b'"annotations"', b'"image_id"'), "COCO (JSON)"),
    ((b'"categories"', b'"supercategory"'), "COCO (JSON)"),
)
_COCO_START = re.compile(rb'\s*\{\s*"(?:info|licenses)"\s*:')
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_LINES = (
    (re.compile(rf"\d+(?:\s+{_NUMBER}){{4}}"), "YOLO (text: class x y width height)"),
    (re.compile(rf"\d+(?:\s+{_NUMBER}){{6,}}"), "YOLO with polygons or keypoints (text)"),
    (re.compile(rf"[A-Za-z_]\S*(?:\s+{_NUMBER}){{14,15}}"), "KITTI (text)"),
    (re.compile(rf"(?:{_NUMBER}\s+){{8}}\S+(?:\s+\d)?"), "DOTA (text)"),
)
_CSV = re.compile(r"(?i)\b(?:xmin|x_min|x1)\b.*\b(?:ymin|y_min|y1)\b|\bimageid\b.*\blabelname\b")


def guess(data: bytes) -> str:
    """The name of the foreign format that a file seems to be in, by its first kilobytes; "" if none is recognised."""
    head = data[:_HEAD].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")
    head = head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    start = head.lstrip()[:1]
    if start == b"<":
        root = _ROOT.match(head, _PROLOG.match(head).end())
        return _ROOTS.get(root[1], "") if root else ""
    if start in (b"{", b"["):
        for keys, name in _KEYS:
            if all(key in head for key in keys):
                return name
        return "COCO (JSON)" if _COCO_START.match(head) else ""
    text = head.decode("utf-8", "replace")
    lines = [line.strip() for line in (text if len(data) <= _HEAD else text.rpartition("\n")[0]).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        return ""
    if "," in lines[0] and _CSV.search(lines[0]):
        return "a table of boxes (CSV)"
    for pattern, name in _LINES:
        if all(map(pattern.fullmatch, lines)):
            return name
    return ""


class Seen(NamedTuple):
    """Files that seem to be in one foreign format. file: the first one, below its folder. detail: what was seen."""

    file: str
    detail: str


def look(folders: Sequence[str], read: Collection[str], results: str | None = None) -> list[Seen]:
    """The foreign formats of the files below some folders, one entry each; `read` are the endings of known formats.

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
                last = guess(_head(f"{folder.rstrip('/')}/{name}"))
            if last:
                by_format.setdefault(last, []).append(name)
    return [_seen(name, files) for name, files in by_format.items()]


def _seen(name: str, files: Sequence[str]) -> Seen:
    others = f", and so do {plural(len(files) - 1, 'other file')} ({few(files[1:], limit=2)})" if files[1:] else ""
    return Seen(files[0], f"it seems to be {name}{others}".replace("and so do 1 other", "and so does 1 other"))


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_HEAD + 1)
    except OSError:
        return b""
