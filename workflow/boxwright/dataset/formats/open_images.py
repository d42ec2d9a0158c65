"""The tables of Open Images: a row for each box, corners as XMin, XMax, YMin and YMax in shares of the image.

LabelName is a code ("/m/01yrx") whose name is in `class-descriptions-boxable.csv`, ImageID the name of the image
without its ending. Flags are 1, 0, or -1 for unknown.

Source: storage.googleapis.com/openimages, "Data formats".
"""

import math
import re
from collections.abc import Mapping

from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.dataset import tables
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import DEPICTION, GROUP, INSIDE, OCCLUDED, Box
from boxwright.dataset.stated import flag, flags, number, text
from boxwright.dataset.statements import NORMALISED, PIXELS, Reading, Remark, Statement

_IMAGE, _LABEL, _CORNERS = "imageid", "labelname", ("xmin", "ymin", "xmax", "ymax")
_FLAGS = {"isoccluded": OCCLUDED, "isgroupof": GROUP, "isdepiction": DEPICTION, "isinside": INSIDE}
_HEAD = re.compile(rb"(?i)^\W{0,3}imageid\b[^\n]*\blabelname\b[^\n]*\bxmin\b")
# If more boxes than this share are inverted, the names of the columns are in another order than their values.
_MOST_INVERTED = 0.5


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the first row has the names of Open Images' columns."""
    return _HEAD.match(head.replace(b"\0", b"")[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe")) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about each image, in the order in which they occur. Raises UserError as `csv.read` does."""
    rows = [(line, [cell.strip() for cell in row]) for line, row in tables.rows(text(data).replace("\0", ""))]
    if not rows:
        raise UserError("it is empty: it has neither rows nor names of columns")
    names = [name.lower() for name in rows.pop(0)[1]]
    place = {name: names.index(name) for name in (_IMAGE, _LABEL, *_CORNERS, "istruncated", *_FLAGS) if name in names}
    if missing := [name for name in (_IMAGE, _LABEL, *_CORNERS) if name not in place]:
        raise UserError(f"its first line has no column {few(missing)}")
    known = _descriptions(beside)
    images: dict[str, tuple[list[Box], list[str]]] = {}
    lost: list[int] = []
    for line, row in rows:
        cells = {name: row[index] if index < len(row) else "" for name, index in place.items()}
        if not cells[_IMAGE]:
            lost.append(line)
            continue
        boxes, places = images.setdefault(cells[_IMAGE], ([], []))
        told = flags(*[word for name, word in _FLAGS.items() if flag(cells.get(name, ""))])
        label = known.get(cells[_LABEL], cells[_LABEL])
        corners = [number(cells[name]) for name in _CORNERS]
        boxes.append(Box(label, *corners, truncated=flag(cells.get("istruncated", "")), flags=told))
        places.append(f"line {line}")
    everything = [box for boxes, _ in images.values() for box in boxes]
    inverted = sum(box.xmin > box.xmax or box.ymin > box.ymax for box in everything)
    if inverted > _MOST_INVERTED * len(everything):
        raise UserError(
            f"by the names of its columns {inverted} of its {len(everything)} boxes are inverted; are the values in "
            "another order than the names? Correct the first line"
        )
    remarks = []
    pixels = any(value > 2 for box in everything for value in box.corners if not math.isnan(value))
    if pixels:
        remarks.append(Remark("annotation_odd", "its numbers are over 1 and are taken as pixels, not as shares"))
    if lost:
        lines = few([f"line {line}" for line in lost])
        remarks.append(Remark("object_without_image", f"rows name no image: {lines}", objects=len(lost)))
    codes = sorted({box.class_name for box in everything if box.class_name.startswith(("/m/", "/g/"))})
    remarks += [Remark("class_number", f"class {code} has no name", code) for code in codes]
    unit = PIXELS if pixels else NORMALISED
    return Reading(
        [
            Statement(image, boxes=tuple(boxes), unit=unit, places=tuple(places))
            for image, (boxes, places) in images.items()
        ],
        remarks,
    )


def _descriptions(beside: Beside) -> Mapping[str, str]:
    """The names of classes by their codes. Raises UserError with the file that is no table."""
    names: dict[str, str] = {}
    for path, data in beside.items():
        try:
            rows = [row for _, row in tables.rows(text(data).replace("\0", ""))]
        except UserError as error:
            raise UserError(f"the names of its classes cannot be read in {path}: {error}") from error
        for row in rows:
            if len(row) == 2 and row[0].startswith("/"):
                names.setdefault(row[0].strip(), row[1].strip())
    return names
