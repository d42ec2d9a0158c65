"""Whether stated boxes belong to the image as it is stored or to the upright one, where EXIF turns it.

Some tools show images upright, others as they are stored. The stated size tells which, or where the boxes fit; if
neither does, the tool was probably the same as for the other images of the data set.
"""

import math
from collections import Counter
from collections.abc import Iterable

from boxwright.dataset.annotation_facts import AnnotationFacts
from boxwright.dataset.statements import NORMALISED, Statement
from boxwright.images import exif
from boxwright.images.headers import ImageInfo

STORED, UPRIGHT = "stored", "upright"
# A reading is followed if at least this share of the decided images has it.
_SHARE = 0.9
# A box still fits an image if its coordinates lie at most this far (pixels) beyond it: tools differ by one.
_TOLERANCE = 1.0

Size = tuple[int, int]


def turned(info: ImageInfo) -> bool:
    """Whether EXIF turns or mirrors the image."""
    return info.orientation != 1 and exif.is_legal(info.orientation)


def reading(info: ImageInfo, statement: Statement | AnnotationFacts) -> str:
    """STORED or UPRIGHT for a statement about a turned image; "" if neither its size nor its boxes decide."""
    stored = (info.width, info.height)
    upright = exif.upright_size(*stored, info.orientation)
    stated = (statement.width, statement.height)
    if stored != upright and all(stated) and stated in (stored, upright):
        return STORED if stated == stored else UPRIGHT
    if isinstance(statement, AnnotationFacts):  # its boxes are read only if the size does not decide
        statement = statement.statement()
    fits_upright, fits_stored = fits(statement, upright), fits(statement, stored)
    if fits_upright == fits_stored:
        return ""
    return STORED if fits_stored else UPRIGHT


def evidence(pairs: Iterable[tuple[ImageInfo, AnnotationFacts]]) -> Counter[str]:
    """How many turned images of a data set are read in each way, from their headers and their statements."""
    return Counter([way for info, said in pairs if not info.problem and turned(info) and (way := reading(info, said))])


def followed(decided: Counter[str]) -> str:
    """The reading that undecided images follow; "" if there is none, or the decided images contradict each other."""
    return next((way for way in (STORED, UPRIGHT) if decided[way] and decided[way] >= _SHARE * decided.total()), "")


def fits(statement: Statement, size: Size) -> bool:
    """Whether all boxes lie within an image of this size (width, height); normalised boxes fit any size."""
    width, height = size[0] + _TOLERANCE, size[1] + _TOLERANCE
    return statement.unit == NORMALISED or all(
        max(box.xmin, box.xmax) <= width and max(box.ymin, box.ymax) <= height
        for box in statement.boxes
        if all(map(math.isfinite, box.corners))
    )
