"""Statements: what an annotation file says about images, in one type for all formats.

Pairing, checks and decisions work on statements only, so a new format needs no change to them.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from boxwright.dataset.samples import Box

# Units of a statement's boxes: pixels, or fractions of the image's width and height (0 to 1).
PIXELS, NORMALISED = "pixels", "normalised"
# Shares of an image by which a box may extend beyond it: numbers with few digits are not exact.
ROUNDING = 1e-3
# If so many coordinates are broken numbers up to 1, those up to this one are shares too: boxes that extend beyond.
_MOST_SHARES, _BEYOND = 0.75, 2.0


# A named tuple for the same reason as `Box`.
class Statement(NamedTuple):
    """What is said about one image.

    image: its file name or path as stated (either slash); "" if only the name of the annotation file tells it.
    width, height: of the image in pixels, as stated; 0 if not stated.
    boxes: every object, as stated, unchecked, in the order of the file: left, top, right and bottom edge, measured from
    the top left corner of the image; NaN for a coordinate that is missing or not a number. Flags may keep their
    defaults. For a polygon or a rotated box it is the rectangle around that, and `shape` says so; an object without any
    rectangle is here too, with NaN and its shape.
    unit: of the boxes, PIXELS or NORMALISED.
    folders: names or paths ("/" between parts) of the folder that the image lay in, as stated, the most telling first.
    other_image: a second file name that the file states for the image, where it differs from `image`.
    split: the side of the split that the file states for the image, in its own word ("train", "val", "TEST"); else "".
    mention: whether nothing is said but that the image belongs to the data set, as in a list of images. Where another
    statement is about the image that one counts; where there is none the image has no objects.
    marks: names that the file gives to the image as a whole (tags, flags, choices), as stated.
    embedded: where in the file the image itself is, offset and number of bytes; empty if it is a file of its own.
    places: where in the file each box is ("line 3", "annotations[55]"), for messages; empty if there is nothing to say.
    Behind ": " a place says why a box is unknown whose coordinates are all there.
    """

    image: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    unit: str = PIXELS
    folders: tuple[str, ...] = ()
    other_image: str = ""
    split: str = ""
    mention: bool = False
    embedded: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Remark(NamedTuple):
    """What is odd about a file apart from its boxes, or could not be read in it.

    defect: its kind (`defects.DEFECTS`). detail: the particulars, a clause. about: the image, or for "class_number" the
    class, as stated.
    objects: how many objects are lost by it, of those that are in no statement.
    """

    defect: str
    detail: str
    about: str = ""
    objects: int = 0


class Reading(NamedTuple):
    """All that a file says."""

    statements: Sequence[Statement]
    remarks: Sequence[Remark] = ()


def are_shares(coordinates: Iterable[float]) -> bool:
    """Whether coordinates of boxes are shares of an image, and no pixels: none is over 1, or a few are, by little.

    Those that are no numbers do not count.
    """
    values = [value for value in coordinates if math.isfinite(value)]
    broken = sum(0 < value < 1 for value in values)
    largest = max(map(abs, values), default=math.inf)
    return (largest <= 1 + ROUNDING and any(not value.is_integer() for value in values)) or (
        largest < _BEYOND and broken >= _MOST_SHARES * len(values)
    )
