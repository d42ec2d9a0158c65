"""The facts of an annotation file as one line of text that can be kept: its format and its statements about images.

A line has columns of JSON between tabs, three for each statement, and one with the remarks if there are any. The
middle column is the same for most statements of a data set, so it is parsed once for all of them. The boxes of sound
statements, and where they are in the file, are never parsed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat, starmap
from typing import BinaryIO, NamedTuple

from boxwright.core import pointers
from boxwright.core.errors import UserError
from boxwright.core.names import clean
from boxwright.dataset import copies, foreign, formats
from boxwright.dataset.memo import Memo
from boxwright.dataset.samples import Box, boxes_from_json, boxes_json
from boxwright.dataset.statements import NORMALISED, Remark, Statement

_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_NO_STATEMENT = "[]"
# Between the boxes of a statement and their places; JSON has no control characters.
_THEN = "\2"


class AnnotationFacts(NamedTuple):
    """A `Statement` with its boxes as JSON, because few of a large data set's boxes are ever looked at.

    sound: whether every box is drawn as a box, has a class with a clean name (`core.names`), is at least a pixel wide
    and high, lies in an image of the stated size, has no flag, and is on a place of its own. Of boxes in shares of the
    image it says nothing about pixels.
    classes: the class of each box. places: of the boxes, as JSON. The other fields are those of `Statement`.
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
    split: str = ""
    mention: bool = False
    embedded: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    places: str = ""

    def statement(self) -> Statement:
        """The statement itself."""
        boxes, places = boxes_from_json(self.boxes), tuple(json.loads(self.places or "[]"))
        return Statement(self.image, self.width, self.height, boxes, self.unit, *self[7:13], places)


class FileFacts(list[AnnotationFacts]):
    """The statements of a file, and its remarks."""

    remarks: tuple[Remark, ...] = ()


# In place of a defect: the file cannot be read and does not look like an annotation either.
UNRECOGNISED = "unrecognised"


class Unread(str):
    """Why an annotation cannot be read, a clause. defect: the kind of defect that this is, or `UNRECOGNISED`."""

    defect: str = "annotation_malformed"

    @classmethod
    def of(cls, said: str | Mapping[str, str]) -> "Unread":
        """The reason from its form in the facts: a text, or a mapping with the text and its defect."""
        if isinstance(said, str):
            return cls(said)
        reason = cls(said["why"])
        reason.defect = said["defect"]
        return reason


def line(data: bytes | BinaryIO, keys: str, beside: formats.Beside = formats.NOTHING, name: str = "") -> str:
    """The facts of an annotation from its file's bytes: the key of the format that read them, a tab, what it says.

    A format whose files hold images takes the open file (`catalog.formats`). `keys` are the keys of the formats to try
    (see `formats.read` for these and the other arguments). If none of them reads the bytes, the key is "" and the
    reason, a JSON string or object (see `Unread`), takes the place of the statements.
    """
    try:
        key, reading = formats.read(data, keys, beside, name)
    except UserError as error:
        data = data if isinstance(data, bytes) else _head(data)
        if pointers.is_git_lfs(data):
            return unreadable(pointers.GIT_LFS, "annotation_not_fetched")
        unlike = isinstance(error, formats.UnrecognisedError)
        if seems := foreign.guess(data, name) if unlike else "":
            return unreadable(f"{error}; it seems to be {seems}", "annotation_foreign")
        return unreadable(str(error), UNRECOGNISED if unlike else "")
    return f"{key}\t{columns(*reading)}"


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(formats.HEAD)


def unreadable(why: str, defect: str = "") -> str:
    """The facts of an annotation that cannot be read; `defect` is the kind if it is not simply malformed."""
    return f"\t{_dump({'why': why, 'defect': defect} if defect else why)}"


def columns(statements: Sequence[Statement], remarks: Sequence[Remark] = ()) -> str:
    """The columns of some statements and remarks, in the form that `said` reads."""
    parts = "\t".join(starmap(_columns, statements)) or _NO_STATEMENT
    return f"{parts}\t{_dump(remarks)}" if remarks else parts


def said(lines: Iterable[str]) -> list[FileFacts | Unread]:
    """What many annotations say, from their lines without the format's key; or why they say nothing."""
    frames = Memo(_frame)
    found: list[FileFacts | Unread] = []
    for text in lines:
        parts = text.split("\t")
        facts = FileFacts()
        if len(parts) == 1 and text != _NO_STATEMENT:
            found.append(Unread.of(json.loads(text)))
            continue
        if parts[0] == _NO_STATEMENT:
            del parts[0]
        if len(parts) % 3:
            facts.remarks = tuple(starmap(Remark, json.loads(parts.pop())))
        for start in range(0, len(parts), 3):
            image = parts[start]
            image = json.loads(image) if "\\" in image else image[1:-1]
            frame, rest = frames[parts[start + 1]]
            boxes, _, places = parts[start + 2].partition(_THEN)
            facts.append(AnnotationFacts(image, *frame, boxes, *rest, places=places))
        found.append(facts)
    return found


def _frame(text: str) -> tuple[tuple, tuple]:
    """The values in a middle column, those before the boxes and those behind them."""
    values = [tuple(part) if isinstance(part, list) else part for part in json.loads(text)]
    return tuple(values[:5]), tuple(values[5:])


def _columns(
    image: str,
    width: int,
    height: int,
    boxes: Sequence[Box],
    unit: str,
    folders: tuple[str, ...],
    other: str,
    split: str,
    mention: bool,
    embedded: tuple[int, ...],
    marks: tuple[str, ...],
    places: tuple[str, ...],
) -> str:
    sides = (1, 1, 0) if unit == NORMALISED else (width, height, 1)
    sound = all(map(_is_sound, boxes, *map(repeat, sides))) and not copies.pairs([box.corners for box in boxes])
    classes = ",".join([_quote(box.class_name) for box in boxes])
    text = boxes_json(boxes) if sound else _dump(boxes)  # the encoder can write NaN
    rest = f"{_folders_json(folders)},{_quote(other)}"
    if split or mention or embedded or marks:
        rest += f",{_dump(split)},{_dump(mention)},{_dump(embedded)},{_dump(marks)}"
    if places:
        text += f"{_THEN}[{','.join(map(_quote, places))}]"
    return f'{_quote(image)}\t[{width},{height},"{unit}",{"true" if sound else "false"},[{classes}],{rest}]\t{text}'


_folders_json = lru_cache(maxsize=1024)(_dump)


def _is_sound(box: Box, width: float, height: float, least: float) -> bool:
    """Whether the checks find nothing wrong with a box as it is stated, in an upright image of the stated size.

    least: the shortest side that is good.
    """
    name, xmin, ymin, xmax, ymax, difficult, _, _, shape, flags = box
    good = name != "" and name == clean(name) and not difficult and not shape and not flags
    return good and 0 <= xmin <= xmax - least and xmax <= width and 0 <= ymin <= ymax - least and ymax <= height
