"""YOLO's text files: a file of rows beside each image, or in a folder `labels` beside the folder `images`.

A row is a class, counted from 0, and the centre, width and height of a box in shares of the image. Rows of other
lengths are polygons (an oriented box is one of four points), poses (a box and key points), and detections (a box and a
score). Each row is read for itself. The names of the classes are in another file: `data.yaml` (Ultralytics),
`obj.names` (darknet), `classes.txt` (labelImg), `notes.json` (Label Studio), `_darknet.labels` (Roboflow).

A text file whose lines are names of images is a list: it says which images belong to the data set, so that one without
a file of rows has no objects.

Sources: docs.ultralytics.com/datasets (detect, segment, obb, pose); the loaders of YOLOv5, for rows in one file that
differ in length.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import yaml

from boxwright.core.errors import UserError
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import POLYGON, Box
from boxwright.dataset.stated import Corners, around, is_upright, pairs, text
from boxwright.dataset.statements import NORMALISED, Reading, Remark, Statement
from boxwright.images.loader import EXTENSIONS

_SEPARATOR = re.compile(r"[\s,;]+")
_IMAGES = tuple(EXTENSIONS)
_CLASS = re.compile(r"\d{1,9}(?:\.0*)?")
# The names of classes in a YAML file: the line with the key and the lines that belong to it.
_NAMES = re.compile(r"(?m)^names\s*:.*\n?(?:^(?:[ \t\-\]}].*)?\n?)*")
# The first line of LabelMe's list of labels, which does not count from 0.
_IGNORED = "__ignore__"
# The YAML files that are about a data set by their names, the likeliest first.
_YAML = ("data", "dataset")
# How far a share may lie beyond the image before a file is not taken for one of shares.
_BEYOND = 0.5


def sniff(head: bytes, name: str = "") -> bool:
    """Whether all lines are a whole number and at least four shares, as of a box, a polygon or a pose."""
    lines = _whole_lines(head)
    return bool(lines) and all(map(_is_row, lines[:200]))


def resembles(head: bytes, name: str = "") -> bool:
    """Whether all lines are a word or number and at least three numbers behind it."""
    lines = _whole_lines(head)
    return bool(lines) and all(map(_is_nearly_row, lines[:200]))


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The boxes of one image, or the images of a list.

    Raises UserError with the line and the reason for the first row that is none.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text(data).splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if lines and all(line.lower().endswith(_IMAGES) for _, line in lines):
        return Reading([Statement(line.removeprefix("./"), mention=True) for _, line in lines])
    known = _explained(tuple(beside.items()))
    boxes, places, remarks = [], [], []
    lengths, unnamed = set(), {}
    for number, line in lines:
        label, *rest = _parts(line)
        if not _CLASS.fullmatch(label):
            raise UserError(f"line {number}: a row begins with the number of a class, but this is {_shown(label)}")
        index, values = int(float(label)), _numbers(rest)
        corners, shape = _corners(values, known.keypoints, number)
        boxes.append(Box(_class(index, known, number, unnamed), *corners, shape=shape))
        places.append(f"line {number}")
        lengths.add(len(values))
    since = _unread(tuple(beside.items())) if unnamed else ""
    remarks += [Remark("class_number", f"class {one} has no name{since}", str(one)) for one in unnamed]
    if 5 in lengths:
        remarks.append(Remark("annotation_odd", "its rows have a sixth number, as detections with a score have"))
    if 4 in lengths and any(length > 5 for length in lengths) and not known.keypoints:
        remarks.append(
            Remark(
                "annotation_odd",
                "it has rows of boxes and of polygons; Ultralytics takes all for polygons; here each is read alone",
            )
        )
    return Reading([Statement(boxes=tuple(boxes), unit=NORMALISED, places=tuple(places))], remarks)


def lists(beside: Beside) -> list[tuple[str, Mapping[int, str]]]:
    """The files with names of the classes, and these by number; first the file that counts."""
    return _lists(tuple(beside.items()))


def sides(beside: Beside) -> dict[str, list[str]]:
    """The folders and lists of each side in the nearest `data.yaml` or `obj.data`."""
    for path, data in beside.items():
        if _is_yaml(path):
            said = _yaml(data)
        elif path.lower().endswith(".data"):
            rows = [line.partition("=") for line in text(data).splitlines()]
            said = {key.strip(): value.strip() for key, _, value in rows}
        else:
            continue
        found = {key: said[key] for key in ("train", "val", "valid", "test") if said.get(key)}
        listed = {key: of if isinstance(of, list) else [of] for key, of in found.items()}
        if listed:
            return {key: [place for place in of if isinstance(place, str)] for key, of in listed.items()}
    return {}


class _Explained:
    """What other files say: the names of classes by number, the file that says so, and whether rows are poses."""

    def __init__(self, names: Mapping[int, str], file: str, keypoints: bool) -> None:
        self.names, self.file, self.keypoints = names, file, keypoints


def _class(index: int, known: _Explained, line: int, unnamed: dict[int, None]) -> str:
    if index in known.names:
        return known.names[index]
    if known.names:
        raise UserError(
            f"line {line}: class {index} has no name in {known.file}, which names the classes "
            f"{min(known.names)} to {max(known.names)}"
        )
    unnamed[index] = None
    return str(index)


def _corners(values: list[float], keypoints: bool, line: int) -> tuple[Corners, str]:
    """The corners of a row's box, and the shape that they are around."""
    count = len(values)
    if count < 4:
        raise UserError(f"line {line}: a box has a class and four numbers, but there are {count + 1} values")
    is_pose = count > 5 and (keypoints or count % 2)
    box = values[:4] if count <= 5 or is_pose else values
    if not any(value <= 1 for value in box) and not all(map(math.isnan, box)):
        raise UserError(f"line {line}: its numbers are over 1, but they are shares of the image (are these pixels?)")
    if count <= 5 or is_pose:
        x, y, width, height = box
        return (x - width / 2, y - height / 2, x + width / 2, y + height / 2), ""
    points = pairs(values)
    return around(points), "" if is_upright(points) else POLYGON


@lru_cache(maxsize=64)
def _explained(beside: tuple[tuple[str, bytes], ...]) -> _Explained:
    """What the explaining files say; of poses, the YAML files about a data set in the nearest folder."""
    file, names = next(iter(_lists(beside)), ("", {}))
    about = [(_folder(path), said) for path, data in beside if _is_yaml(path) and (said := _yaml(data))]
    about = [(folder, said) for folder, said in about if said.keys() & {"names", "kpt_shape"}]
    return _Explained(names, file, any(said.get("kpt_shape") for folder, said in about if folder == about[0][0]))


@lru_cache(maxsize=64)
def _lists(beside: tuple[tuple[str, bytes], ...]) -> list[tuple[str, Mapping[int, str]]]:
    """What `lists` gives: the nearest file counts, and of those in one folder `data.yaml` before the others (`_kind`).

    A farther file that only adds names to the nearest one's counts instead: the nearest one is an older state.
    """
    folders = list(dict.fromkeys(_folder(path) for path, _ in beside))
    ranked = sorted(
        [
            (folders.index(_folder(path)), _kind(path), path, names)
            for path, data in beside
            if (names := _names(path, data))
        ],
        key=lambda one: one[:2],
    )
    found = [(path, names) for _, _, path, names in ranked]
    counts = found[0] if found else None
    for one in found:
        if one[1].items() > counts[1].items():
            counts = one
    return [one for one in found if one is counts] + [one for one in found if one is not counts]


def _names(path: str, data: bytes) -> Mapping[int, str]:
    """The names of classes by number in an explaining file."""
    if _is_yaml(path):
        return _numbered(_yaml(data).get("names"))
    if path.lower().endswith(".json"):
        return _of_notes(data)
    if not path.lower().endswith((".names", ".txt", ".labels")):
        return {}
    lines = text(data).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return {} if lines and lines[0].strip() == _IGNORED else _numbered(lines)


def _kind(path: str) -> int:
    """The rank of a file with names among those in its folder."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    stem, _, ending = name.rpartition(".")
    if _is_yaml(path):
        return _YAML.index(stem) if stem in _YAML else len(_YAML)
    return {"names": 3, "json": 5}.get(ending, 4)


def _is_yaml(path: str) -> bool:
    return path.lower().endswith((".yaml", ".yml"))


def _folder(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[0]


def _yaml(data: bytes) -> Mapping:
    """The keys of a YAML file, all values as the text that they are written as; of a broken one only the names."""
    written = text(data)
    for part in (written, *_NAMES.findall(written)):
        try:
            said = yaml.load(part, yaml.BaseLoader)
        except (yaml.YAMLError, RecursionError, ValueError):
            continue
        if isinstance(said, dict):
            return said
    return {}


@lru_cache(maxsize=64)
def _unread(beside: tuple[tuple[str, bytes], ...]) -> str:
    """Why the nearest YAML file that has `names` gives none; "" if there is no such file."""
    written = {path: text(data) for path, data in beside if _is_yaml(path)}
    for path, content in written.items():
        if _NAMES.search(content):
            try:
                yaml.load(content, yaml.BaseLoader)
            except yaml.MarkedYAMLError as error:
                return f", since {path} cannot be read: line {error.problem_mark.line + 1}: {error.problem}"
            except (yaml.YAMLError, RecursionError, ValueError):
                return f", since {path} is no YAML"
            return f", since `names` in {path} is neither a list nor numbers with names"
    return ""


def _of_notes(data: bytes) -> Mapping[int, str]:
    """The names in Label Studio's notes.json."""
    try:
        said = json.loads(text(data))
    except (ValueError, RecursionError):
        return {}
    listed = said.get("categories") if isinstance(said, dict) else None
    return _numbered(
        {one["id"]: one["name"] for one in listed if isinstance(one, dict) and {"id", "name"} <= one.keys()}
        if isinstance(listed, list)
        else None
    )


def _numbered(names: object) -> dict[int, str]:
    """Names by number, from a list or from a mapping whose keys are numbers; odd spaces stay, so that they are told."""
    if isinstance(names, list):
        return {index: name for index, name in enumerate(names) if isinstance(name, str)}
    if not isinstance(names, dict):
        return {}
    found = {}
    for key, name in names.items():
        if _CLASS.fullmatch(str(key)) and isinstance(name, str):
            found[int(float(key))] = name
    return found


def _is_row(line: str) -> bool:
    label, *rest = _parts(line.strip())
    values = _numbers(rest)
    return (
        _CLASS.fullmatch(label) is not None
        and len(values) >= 4
        and all(-_BEYOND <= value <= 1 + _BEYOND for value in values[:4])
    )


def _is_nearly_row(line: str) -> bool:
    _, *values = _parts(line.strip())
    return len(values) >= 3 and not any(map(math.isnan, _numbers(values)))


def _whole_lines(head: bytes) -> list[str]:
    """The lines of the first part of a file that are not blank, without a last one that may be cut."""
    lines = text(head).splitlines()
    return [line for line in (lines if len(head) < 1 << 16 else lines[:-1]) if line.strip()]


def _parts(line: str) -> list[str]:
    """What a line has between spaces, commas and semicolons; most have spaces only, which is quicker."""
    return _SEPARATOR.split(line) if "," in line or ";" in line else line.split()


def _numbers(written: Sequence[str]) -> list[float]:
    """Numbers as they are written, NaN in place of what is none; all at once where all are."""
    try:
        values = list(map(float, written))
    except ValueError:
        return list(map(_number, written))
    return values if math.isfinite(sum(values)) else list(map(_number, written))


def _number(value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else f"{value[:40]}...")
