"""The facts of an annotation file as one line of text that can be kept: its format and its statements about images.

A line has columns of JSON between tabs, three for each statement. The middle column is the same for most statements of
a data set, so it is parsed once for all of them. The boxes of sound statements are never parsed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat, starmap
from typing import NamedTuple

from boxwright.core import pointers
from boxwright.core.errors import UserError
from boxwright.core.names import clean
from boxwright.dataset import copies, foreign, formats
from boxwright.dataset.memo import Memo
from boxwright.dataset.samples import Box, boxes_from_json, boxes_json
from boxwright.dataset.statements import PIXELS, Statement

_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_NO_STATEMENT = "[]"


class AnnotationFacts(NamedTuple):
    """A `Statement` with its boxes as JSON, because few of a large data set's boxes are ever looked at.

    sound: whether every box is drawn as a box, has a class with a clean name (`core.names`), is at least a pixel wide
    and high, lies in an image of the stated size, is not difficult, and is on a place of its own.
    classes: the class of each box. The other fields are those of `Statement`.
    """

    image: str
    width: int
    height: int
    unit: str
    sound: bool
    classes: tuple[str, ...]
    boxes: str
    folders: tuple[str, ...] = ()
    other_image: str = ""

    def statement(self) -> Statement:
        """The statement itself."""
        boxes = boxes_from_json(self.boxes)
        return Statement(self.image, self.width, self.height, boxes, self.unit, self.folders, self.other_image)


class Unread(str):
    """Why an annotation cannot be read, a clause. defect: the kind of defect that this is."""

    defect: str = "annotation_malformed"

    @classmethod
    def of(cls, said: str | Mapping[str, str]) -> "Unread":
        """The reason from its form in the facts: a text, or a mapping with the text and its defect."""
        if isinstance(said, str):
            return cls(said)
        reason = cls(said["why"])
        reason.defect = said["defect"]
        return reason


def line(data: bytes, keys: str) -> str:
    """The facts of an annotation from its file's bytes: the key of the format that read them, a tab, the statements.

    `keys` are the keys of the formats to try (see `formats.read`). If none of them reads the bytes, the key is "" and
    the reason, a JSON string or object (see `Unread`), takes the place of the statements.
    """
    try:
        key, statements = formats.read(data, keys)
    except UserError as error:
        if pointers.is_git_lfs(data):
            return unreadable(pointers.GIT_LFS, "annotation_not_fetched")
        if seems := foreign.guess(data):
            return unreadable(f"{error}; it seems to be {seems}", "annotation_foreign")
        return unreadable(str(error))
    return f"{key}\t{columns(statements)}"


def unreadable(why: str, defect: str = "") -> str:
    """The facts of an annotation that cannot be read; `defect` is the kind if it is not simply malformed."""
    return f"\t{_dump({'why': why, 'defect': defect} if defect else why)}"


def columns(statements: Sequence[Statement]) -> str:
    """The columns of some statements, in the form that `said` reads."""
    return "\t".join(starmap(_columns, statements)) or _NO_STATEMENT


def said(lines: Iterable[str]) -> list[list[AnnotationFacts] | Unread]:
    """The statements of many annotations, from their lines without the format's key; or why there are none."""
    frames = Memo(lambda text: tuple(tuple(part) if isinstance(part, list) else part for part in json.loads(text)))
    found: list[list[AnnotationFacts] | Unread] = []
    for text in lines:
        parts = text.split("\t")
        if len(parts) == 1:
            reason = json.loads(text)
            found.append([] if reason == [] else Unread.of(reason))
            continue
        statements = []
        for start in range(0, len(parts), 3):
            image = parts[start]
            image = json.loads(image) if "\\" in image else image[1:-1]
            *frame, folders, other = frames[parts[start + 1]]
            statements.append(AnnotationFacts(image, *frame, parts[start + 2], folders, other))
        found.append(statements)
    return found


def _columns(
    image: str, width: int, height: int, boxes: Sequence[Box], unit: str, folders: tuple[str, ...], other: str
) -> str:
    sound = unit == PIXELS and all(map(_is_sound, boxes, repeat(width), repeat(height)))
    sound = sound and not copies.pairs([box.corners for box in boxes])
    classes = ",".join([_quote(box.class_name) for box in boxes])
    text = boxes_json(boxes) if sound else _dump(boxes)  # the encoder can write NaN
    places = f"{_folders_json(folders)},{_quote(other)}"
    return f'{_quote(image)}\t[{width},{height},"{unit}",{"true" if sound else "false"},[{classes}],{places}]\t{text}'


_folders_json = lru_cache(maxsize=1024)(_dump)


def _is_sound(box: Box, width: int, height: int) -> bool:
    """Whether the checks find nothing wrong with a box as it is stated, in an upright image of the stated size."""
    name, xmin, ymin, xmax, ymax, difficult, _, _, shape = box
    good = name != "" and name == clean(name) and not difficult and not shape
    return good and 0 <= xmin <= xmax - 1 and xmax <= width and 0 <= ymin <= ymax - 1 and ymax <= height
