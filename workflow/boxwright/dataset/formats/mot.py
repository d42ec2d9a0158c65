"""MOTChallenge's ground truth, one file gt/gt.txt for the frames of a sequence in img1, whose names are numbers.

A row has frame, track, left, top, width, height, and mostly a confidence, a class and a visibility. Left, top and
frames count from 1; in CVAT's export, which has labels.txt and no seqinfo.ini, left and top count from 0 and frames
may. Where the confidence is 0 the box is an ignore region. A frame without a row has no objects; seqinfo.ini tells how
many frames there are, else the last one that has a row. Classes are numbers whose names are in labels.txt, as CVAT
writes it. Rows with positions in the world or without a class are of the first challenge: their boxes are of class 1.
Source: the MOT16 paper, section 3 (format of annotations), and Datumaro's writer, with which CVAT exports.
"""

import configparser
import re
from collections.abc import Mapping

from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.statements import Reading, Statement

# What a detector found, which the challenges give beside the ground truth.
_DETECTIONS = "det.txt"
_LABELS, _SEQUENCE = "labels.txt", "seqinfo.ini"
_ROW = re.compile(r"\d+(?:\s*,\s*-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?){5,9}\s*,?")
_NAME = re.compile(r"(?i)gt(?:_\w+)?\.txt")
# As it is in files of other names: nine or ten numbers, with a track and a frame.
_LONG_ROW = re.compile(r"\d+\s*,\s*-?\d+(?:\s*,\s*-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?){7,8}\s*,?")
_FEWEST, _MOST = 6, 10
# Frames that a sequence may have; a larger number is a mistake.
_MOST_FRAMES = 100_000


def sniff(head: bytes, name: str) -> bool:
    """Whether it is a gt.txt with six to ten numbers in a row, or another text with nine or ten, but not det.txt."""
    lines = stated.lines(head)
    row = _ROW if _NAME.fullmatch(name) else _LONG_ROW
    if name.lower() == _DETECTIONS:
        return False
    return name.lower().endswith(".txt") and bool(lines) and row.fullmatch(lines[0][1]) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each frame of the sequence."""
    names = _names(beside)
    ending, length = _sequence(beside)
    first = 0 if names and not any(path.endswith(_SEQUENCE) for path in beside) else 1
    frames: dict[int, Objects] = {}
    mistakes = []
    for number, line in stated.lines(data):
        words = [word.strip() for word in line.rstrip(", ").split(",")]
        values = [stated.number(word) for word in words]
        if not _FEWEST <= len(values) <= _MOST:
            mistakes.append(f"line {number} has {plural(len(values), 'value')}; MOT's have 6 to 10")
            continue
        if not (values[0] >= first and float.is_integer(values[0]) and values[0] <= _MOST_FRAMES):
            mistakes.append(f"line {number} has the frame {words[0]}; frames are whole numbers from {first}")
            continue
        if len(values) == _MOST and values[7:] == [-1, -1, -1] and values[6] not in (0, 1):
            mistakes.append(f"line {number} has a score ({words[6]}): it is a detection and no annotation")
            continue
        name = _name(words, values, names)
        if name is None:
            mistakes.append(f"line {number} has the class {words[7]}; {_LABELS} has {plural(len(names), 'name')}")
            continue
        left, top, width, height = values[2:6]
        corners = stated.from_size(left - first, top - first, width, height)
        objects = frames.setdefault(int(values[0]), Objects())
        if len(values) > _FEWEST and values[6] == 0:
            objects.region(f"line {number}", corners)
        else:
            objects.add(f"line {number}", name, corners)
    stated.refuse(mistakes)
    if not frames:
        raise UserError("it has no rows")
    statements = [_statement(frame, frames, ending) for frame in range(min(1, *frames), max(length, *frames) + 1)]
    return Reading(statements, stated.unnamed(statements, names))


def lists(beside: Beside) -> list[tuple[str, Mapping[int, str]]]:
    """The files with names of the classes, and these by number; first the file that counts."""
    found = {path: [line for _, line in stated.lines(beside[path])] for path in beside if path.endswith(_LABELS)}
    return [(path, dict(enumerate(names, start=1))) for path, names in found.items() if names]


def _statement(frame: int, frames: dict[int, Objects], ending: str) -> Statement:
    return frames.get(frame, Objects()).statement(f"{frame:06d}{ending}")


def _name(words: list[str], values: list[float], names: list[str]) -> str | None:
    """The class of a row: its name, else its number, which is 1 if the row has none; None if there is no such name."""
    word, value = ("1", 1.0) if len(values) not in (8, 9) or values[7] < 0 else (words[7], values[7])
    if not names:
        return word
    if not float.is_integer(value) or not 1 <= value <= len(names):
        return None
    return names[int(value) - 1]


def _names(beside: Beside) -> list[str]:
    """The names of the classes, that of class 1 first."""
    return next((list(names.values()) for _, names in lists(beside)), [])


def _sequence(beside: Beside) -> tuple[str, int]:
    """The ending of the frames' names and their number, "" and 0 if not told."""
    told = configparser.ConfigParser(interpolation=None, strict=False)
    data = next((beside[path] for path in beside if path.endswith(_SEQUENCE)), b"")
    try:
        told.read_string(stated.text(data))
    except configparser.Error:
        return "", 0
    section = told["Sequence"] if told.has_section("Sequence") else {}
    length = stated.number(section.get("seqlength", "0"))
    return section.get("imext", ""), int(length) if 0 <= length <= _MOST_FRAMES else 0
