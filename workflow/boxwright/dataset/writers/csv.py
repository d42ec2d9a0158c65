"""The table of the tutorials (`xml_to_csv.py`): a row for each box, in pixels.

Columns for difficult and truncated boxes are added only where there are some. A row is a box, so an image without
objects has none.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from boxwright.core.files import writing
from boxwright.dataset.samples import Sample
from boxwright.dataset.writers import stated

EXPRESSED = frozenset(("difficult", "truncated"))
NAME = "annotations.csv"
_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")


def write(folder: Path, samples: Sequence[Sample]) -> None:
    """Write the file."""
    boxes = [box for one in samples for box in one.boxes]
    more = [flag for flag in sorted(EXPRESSED) if any(getattr(box, flag) for box in boxes)]
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_COLUMNS, *more])
    for one in samples:
        for box in one.boxes:
            corners = [int(value) if float(value).is_integer() else repr(float(value)) for value in box.corners]
            flags = [int(getattr(box, flag)) for flag in more]
            rows.writerow([stated(folder, one), one.width, one.height, box.class_name, *corners, *flags])
    with writing(folder / NAME) as file:
        file.write(text.getvalue().encode())
