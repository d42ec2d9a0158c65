"""What an annotation file says about images, whatever its format: the one type that all formats are read into.

Pairing, checks and decisions see statements alone, so that a new format needs none of them.
"""

from typing import NamedTuple

from boxwright.dataset.samples import Box

# Units of a statement's boxes: pixels, or shares of the image's width and height (0 to 1).
PIXELS, NORMALISED = "pixels", "normalised"


# A named tuple for the reason that `Box` is one.
class Statement(NamedTuple):
    """What is said about one image.

    image: which one, a file name or a path as stated (either slash); "" where the name of the annotation file says it.
    width, height: pixels of the image as stated, 0 where they are not.
    boxes: as stated, unchecked, in the order of the file: left, top, right and bottom edge, measured from the top left
    corner of the image; NaN for a coordinate that is missing or no number. Their flags have defaults.
    unit: of the boxes, PIXELS or NORMALISED.
    """

    image: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    unit: str = PIXELS
