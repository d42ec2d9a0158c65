"""Statements: what an annotation file says about images, in one type for all formats.

Pairing, checks and decisions work on statements only, so a new format needs no change to them.
"""

from typing import NamedTuple

from boxwright.dataset.samples import Box

# Units of a statement's boxes: pixels, or fractions of the image's width and height (0 to 1).
PIXELS, NORMALISED = "pixels", "normalised"


# A named tuple for the same reason as `Box`.
class Statement(NamedTuple):
    """What is said about one image.

    image: its file name or path as stated (either slash); "" if only the name of the annotation file tells it.
    width, height: of the image in pixels, as stated; 0 if not stated.
    boxes: as stated, unchecked, in the order of the file: left, top, right and bottom edge, measured from the top left
    corner of the image; NaN for a coordinate that is missing or not a number. Flags may keep their defaults. For a
    polygon or a rotated box it is the rectangle around that, and `shape` says so.
    unit: of the boxes, PIXELS or NORMALISED.
    folders: names or paths ("/" between parts) of the folder that the image lay in, as stated, the most telling first.
    other_image: a second file name that the file states for the image, where it differs from `image`.
    """

    image: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    unit: str = PIXELS
    folders: tuple[str, ...] = ()
    other_image: str = ""
