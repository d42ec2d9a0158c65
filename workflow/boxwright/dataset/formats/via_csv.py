"""VGG Image Annotator's CSV: a row for each region with its shape and attributes as JSON, or for an image without one.

Source: the documentation of VIA 2.
"""

import re

from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset import stated, tables
from boxwright.dataset.formats import NOTHING, Beside, via
from boxwright.dataset.statements import Reading

# The columns that are read, without the "#" that VIA 1 put before the first one.
_FILE, _SHAPE, _ATTRIBUTES = "filename", "region_shape_attributes", "region_attributes"
_HEAD = re.compile(rb'\s*"?#?filename"?\s*,[^\n]*region_shape_attributes')


def sniff(head: bytes, name: str) -> bool:
    """Whether the head line has VIA's columns."""
    return _HEAD.match(stated.plain(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image, also for those without a region."""
    rows = tables.rows(stated.text(data))
    head = [name.strip().lstrip("#") for name in next(rows, (0, []))[1]]
    columns = {name: place for place, name in enumerate(head)}
    missing = [name for name in (_FILE, _SHAPE, _ATTRIBUTES) if name not in columns]
    if missing:
        raise UserError(f"it is not VIA's CSV: its first line has no column {', '.join(missing)}")
    images: dict[str, list[via.Region]] = {}
    mistakes = []
    for number, row in rows:
        line = f"line {number}"
        if len(row) != len(head):
            mistakes.append(f"{line} has {plural(len(row), 'value')}, not {len(head)}")
            continue
        image = row[columns[_FILE]].strip()
        regions = images.setdefault(image, [])
        try:
            shape, attributes = (
                stated.expect(stated.parse_json(row[columns[key]] or "{}"), dict, key) for key in (_SHAPE, _ATTRIBUTES)
            )
        except UserError as error:
            mistakes.append(f"{line}: {error}")
            continue
        if shape or attributes:
            regions.append(via.Region(line, shape, attributes))
    stated.refuse(mistakes)
    return via.reading(images.items(), {})
