"""Tables of boxes: a row for each box with the image, the corners in pixels and the class.

The columns are found by the names in the first row, in any order: those of the tutorial's `xml_to_csv.py` and of
Roboflow (`filename, width, height, class, xmin, ymin, xmax, ymax`), of VoTT (`image, ..., label`) and their relatives.
Without a row of names the table has RetinaNet's columns: image, x1, y1, x2, y2, class. A row with an image alone says
that it has no objects. If no coordinate is over 1, or a few are but none is 2, they are shares of the image. Where
semicolons part the columns, numbers may have a decimal comma.

Sources: `xml_to_csv.py` of the tutorials, keras-retinanet's readme, VoTT's export.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset import tables
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import Box
from boxwright.dataset.stated import UNKNOWN, Corners, flag, number, size, text
from boxwright.dataset.statements import NORMALISED, PIXELS, Reading, Remark, Statement, are_shares
from boxwright.images.loader import EXTENSIONS

# The names of each column, without regard to case, spaces and "_". A "width" is the image's where the table has all
# four edges, and else the box's.
_NAMES = {
    "image": ("filename", "file", "image", "imagename", "imagefile", "imagepath", "filepath", "path", "imageid", "img"),
    "class": ("class", "label", "classname", "labelname", "name", "category", "species", "object", "target"),
    "xmin": ("xmin", "x1", "left", "x0"),
    "ymin": ("ymin", "y1", "top", "y0"),
    "xmax": ("xmax", "x2", "right"),
    "ymax": ("ymax", "y2", "bottom"),
    "box": ("bbox", "box"),
    "width": ("width", "w", "boxwidth", "bboxwidth"),
    "height": ("height", "h", "boxheight", "bboxheight"),
    "image_width": ("imagewidth", "imgwidth"),
    "image_height": ("imageheight", "imgheight"),
    "split": ("split", "set", "subset", "usage"),
    "difficult": ("difficult",),
    "truncated": ("truncated",),
    "score": ("confidence", "score", "conf", "prob", "probability"),
}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_WITHOUT_NAMES = ("image", *_CORNERS, "class")
_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?')
_BOX = re.compile(r"\s*[\[(]?([^\[\]()]*)[\])]?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
# Rows at the start of a file that may tell what it is meant to be.
_FIRST = 5


class _Columns(NamedTuple):
    """Which column holds what. extent: whether width and height are the box's. comma: whether numbers have one."""

    place: Mapping[str, int]
    count: int
    extent: bool = False
    comma: bool = False

    def get(self, row: Sequence[str], name: str) -> str:
        place = self.place.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    def number(self, value: str) -> float:
        """The number in a cell; NaN if it is none."""
        return number(value.replace(",", ".") if self.comma and _DECIMAL_COMMA.fullmatch(value) else value)


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the first row has the names of the columns, or RetinaNet's values."""
    try:
        first = next(_rows(text(head)))[1]
        return _columns(first) is not None or _is_without_names(first)
    except (StopIteration, UserError):
        return False


def resembles(head: bytes, name: str = "") -> bool:
    """Whether one of the first rows names two edges of a box, or an image and a class, box or edge, or is a box."""
    try:
        return any(_is_meant(row) for _, row in islice(_rows(text(head)), _FIRST))
    except UserError:
        return False


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about each image, in the order in which they occur.

    Raises UserError if the columns are not known, or with the line that is no row of the table.
    """
    content = text(data)
    rows = list(_rows(content))
    if not rows:
        raise UserError("it is empty: it has neither rows nor names of columns")
    first = rows[0][1]
    columns = _columns(first)
    if columns is None and not _is_without_names(first):
        _refuse(first)
    names = rows.pop(0)[1] if columns else None
    columns = columns or _Columns({name: place for place, name in enumerate(_WITHOUT_NAMES)}, len(_WITHOUT_NAMES))
    delimiter = _delimiter(content)
    columns = columns._replace(comma=delimiter == ";")
    sides = [
        own if own in columns.place or columns.extent else other
        for own, other in (("image_width", "width"), ("image_height", "height"))
    ]
    known, since = _classes(beside)
    images: dict[str, _Image] = {}
    unnamed: dict[str, None] = {}
    lost: list[int] = []
    for line, row in rows:
        if names and row == names:  # tables that were joined
            continue
        image = columns.get(row, "image")
        if not image:
            lost.append(line)
            continue
        seen = images.setdefault(image, _Image())
        seen.splits.append(columns.get(row, "split"))
        seen.sizes.append(tuple(size(columns.get(row, name)) for name in sides))
        label = columns.get(row, "class")
        corners, stated = _box(row, columns)
        where = f"line {line}"
        if not label and not stated:
            if not _is_in_quotes(row, delimiter, columns.count):
                continue
            where = f"line {line}, whose quotation marks take several values together"
        elif len(row) != columns.count and any(cell.strip() for cell in row[columns.count :]):
            corners, where = UNKNOWN, _of_another_length(line, row, columns)
        elif len(row) < columns.count:
            where = _of_another_length(line, row, columns)
        if label.isdecimal():
            if label in known:
                label = known[label]
            else:
                unnamed[label] = None
        flags = [flag(columns.get(row, name)) for name in ("difficult", "truncated")]
        seen.boxes.append(Box(label, *corners, *flags))
        seen.places.append(where)
    if unnamed and not names and _has_class_first([row for _, row in rows]):
        raise UserError(
            "it has no line with the names of its columns, and these seem to be filename, class, xmin, ymin, xmax, "
            "ymax; write them in its first line, with commas between them"
        )
    remarks = [Remark("class_number", f"class {one} has no name{since}", one) for one in unnamed]
    if "score" in columns.place and any(0 < number(columns.get(row, "score")) < 1 for _, row in rows):
        title = first[columns.place["score"]].strip()
        remarks.append(Remark("annotation_odd", f"its column {title} has scores, as detections have"))
    if lost:
        lines = few([f"line {line}" for line in lost])
        remarks.append(Remark("object_without_image", f"rows name no image: {lines}", objects=len(lost)))
    corners = (side for one in images.values() for box in one.boxes for side in box.corners)
    unit = NORMALISED if are_shares(corners) else PIXELS
    return Reading([one.statement(name, unit, remarks) for name, one in images.items()], remarks)


class _Image:
    """What the rows say about one image."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.places: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.splits: list[str] = []

    def statement(self, name: str, unit: str, remarks: list[Remark]) -> Statement:
        sizes = list(dict.fromkeys(one for one in self.sizes if all(one)))
        if len(sizes) > 1:
            told = few([f"{width}x{height}" for width, height in sizes])
            remarks.append(Remark("annotation_odd", f"its rows state different sizes of the image: {told}", name))
        width, height = sizes[0] if len(sizes) == 1 else (0, 0)
        side = next(filter(None, self.splits), "")
        return Statement(name, width, height, tuple(self.boxes), unit, split=side, places=tuple(self.places))


def _rows(content: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its line. Raises UserError with a line that is none."""
    first = _first(content)
    delimiter = _delimiter(content)
    if _SEPARATOR.fullmatch(first.strip()):
        content = content.replace(first, "", 1)
    return tables.rows(content.replace("\0", ""), delimiter)


def _first(content: str) -> str:
    return content.lstrip("\r\n").partition("\n")[0]


def _delimiter(content: str) -> str:
    """The sign between the columns: what the first line names, as spreadsheets write it, else the commonest in it."""
    first = _first(content)
    given = _SEPARATOR.fullmatch(first.strip())
    return given[1] if given else max(_DELIMITERS, key=lambda one: (first.count(one), -_DELIMITERS.index(one)))


def _columns(first: Sequence[str]) -> _Columns | None:
    """The columns by the names in the first row; None if those needed are not among them."""
    given = list(map(_plain, first))
    place: dict[str, int] = {}
    for meaning, names in _NAMES.items():
        found = next((given.index(name) for name in names if name in given), None)
        if found is not None and found not in place.values():
            place[meaning] = found
    if not {"image", "class"} <= place.keys():
        return None
    if place.keys() >= set(_CORNERS):
        return _Columns(place, len(first))
    if {"xmin", "ymin", "width", "height"} <= place.keys() and not {"xmax", "ymax"} & place.keys():
        return _Columns(place, len(first), extent=True)
    return _Columns(place, len(first)) if "box" in place else None


def _plain(name: str) -> str:
    """The name of a column without case, spaces and signs."""
    return re.sub(r"[\s_\-.#]", "", name).lower()


def _is_without_names(first: Sequence[str]) -> bool:
    """Whether a row is one of RetinaNet's: an image and either nothing or four numbers and a class."""
    if len(first) != len(_WITHOUT_NAMES) or not first[0].strip().lower().endswith(tuple(EXTENSIONS)):
        return False
    values = [value.strip() for value in first[1:]]
    return not any(values) or not any(math.isnan(number(value)) for value in values[:4])


def _has_class_first(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows without names of columns, whose classes are numbers, seem to have the class before the box.

    Then every row is a box in that order, and what RetinaNet's order takes for classes hardly repeats.
    """
    values = [tuple(map(number, row[1:])) for row in rows if any(cell.strip() for cell in row[1:])]
    if any(len(one) != len(_WITHOUT_NAMES) - 1 for one in values):
        return False
    boxes = all(left < right and top < bottom for _, left, top, right, bottom in values)
    return boxes and 2 * len({one[0] for one in values}) <= len({one[-1] for one in values})


def _is_meant(row: Sequence[str]) -> bool:
    """Whether a row seems to name the columns of a table of boxes, or to be a row of one."""
    named = {meaning for cell in row for meaning, names in _NAMES.items() if _plain(cell) in names}
    if len(named.intersection(_CORNERS)) > 1 or ("image" in named and named & {"class", "box", *_CORNERS}):
        return True
    is_image = any(cell.strip().lower().endswith(tuple(EXTENSIONS)) for cell in row)
    return is_image and sum(not math.isnan(number(cell.strip())) for cell in row) >= len(_CORNERS)


def _refuse(first: Sequence[str]) -> None:
    shown = few([cell.strip()[:40] for cell in first], limit=12)
    raise UserError(
        f"its first line has none of the known sets of columns but {shown}; name them filename, class and xmin, ymin, "
        "xmax, ymax, or in place of the last two width and height, which are the box's then"
    )


def _box(row: Sequence[str], columns: _Columns) -> tuple[Corners, bool]:
    """The corners that a row states, and whether it states any."""
    if not columns.place.keys() & {"xmin", "ymin"}:
        stated = columns.get(row, "box")
        values = [number(value) for value in re.split(r"[,;\s]+", _BOX.sub(r"\1", stated).strip())]
        if len(values) != 4:
            return UNKNOWN, bool(stated)
        left, top, width, height = values
        return (left, top, left + width, top + height), True
    keys = ("xmin", "ymin", "width", "height") if columns.extent else _CORNERS
    cells = [columns.get(row, key) for key in keys]
    left, top, right, bottom = map(columns.number, cells)
    corners = (left, top, left + right, top + bottom) if columns.extent else (left, top, right, bottom)
    return corners, any(cells)


def _of_another_length(line: int, row: Sequence[str], columns: _Columns) -> str:
    """Where a row is that has more or fewer values than the table has columns."""
    return f"line {line}, which has {plural(len(row), 'value')} for {plural(columns.count, 'column')}"


def _is_in_quotes(row: Sequence[str], delimiter: str, count: int) -> bool:
    """Whether a row has all its columns, and quotation marks make fewer cells of them."""
    return len(row) < count <= len(row) + sum(cell.count(delimiter) for cell in row)


def _classes(beside: Beside) -> tuple[dict[str, str], str]:
    """The names of classes by number in RetinaNet's `classes.csv`, whose rows are a name and a number.

    Then why a file has none, which is "" if each can be read.
    """
    names: dict[str, str] = {}
    since = ""
    for path, data in beside.items():
        try:
            rows = [row for _, row in _rows(text(data))]
        except UserError as error:
            since = since or f", since {path} cannot be read: {error}"
            continue
        for row in rows:
            if len(row) == 2 and row[1].strip().isdecimal():
                names.setdefault(row[1].strip(), row[0].strip())
    return names, since
